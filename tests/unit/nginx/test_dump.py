"""What `nginx -T` prints, as doctor reads it."""

from receiver.nginx.dump import conflicts, read_files, server_blocks

DUMP = """\
nginx: [warn] conflicting server name "blog.example.com" on 0.0.0.0:80, ignored
nginx: [warn] conflicting server name "blog.example.com" on [::]:80, ignored
nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
http {
    # server { listen 1; }
    include /etc/nginx/sites-enabled/*;
}

# configuration file /etc/nginx/sites-enabled/mine:
server {
    listen 80 default_server; listen [::]:80;
    server_name "blog.example.com" www.example.com;
    location / { return 200 "server { listen 9; }"; }
}
server {
    listen 443 ssl;
    server_name shop.example.com;
    ssl_certificate /etc/ssl/shop.pem;
    ssl_certificate_key '/etc/ssl/shop key.pem';
}
"""


def test_files_come_with_their_text() -> None:
    assert list(read_files(DUMP)) == ["/etc/nginx/nginx.conf", "/etc/nginx/sites-enabled/mine"]


def test_servers_are_found_and_what_only_looks_like_one_is_not() -> None:
    plain, safe = server_blocks(DUMP)
    assert plain.listens == ("80 default_server", "[::]:80")
    assert plain.names == ("blog.example.com", "www.example.com")
    assert (plain.certificate, plain.file) == (None, "/etc/nginx/sites-enabled/mine")
    assert (safe.certificate, safe.key) == ("/etc/ssl/shop.pem", "/etc/ssl/shop key.pem")


def test_names_that_two_servers_claim() -> None:
    assert conflicts(DUMP) == (
        ("blog.example.com", "0.0.0.0:80"),
        ("blog.example.com", "[::]:80"),
    )


def test_a_file_that_ends_too_early_is_no_failure() -> None:
    assert server_blocks("# configuration file /a:\nserver { listen 80; } } server {") != ()
