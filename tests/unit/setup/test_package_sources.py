"""Which of a machine's settings for pip the installer goes by."""

from receiver.setup.package_sources import environment, sources

LISTING = """\
global.constraint='/etc/pip/constraints.txt'
global.extra-index-url='https://one.test/simple\\nhttps://two.test/simple'
global.no-binary=':all:'
global.target='/elsewhere'
install.index-url='https://name:p=ss@index.test/simple'
global.index-url='https://other.test/simple'
global.user='true'
freeze.timeout='3'
:env:.find-links='/opt/wheels'
:env:.require-virtualenv='1'
"""


def test_what_says_where_packages_come_from_is_taken_and_nothing_else() -> None:
    assert sources(LISTING) == {
        "PIP_EXTRA_INDEX_URL": "https://one.test/simple https://two.test/simple",
        "PIP_INDEX_URL": "https://name:p=ss@index.test/simple",
        "PIP_FIND_LINKS": "/opt/wheels",
    }


def test_no_file_and_no_other_variable_is_read() -> None:
    given = {"PATH": "/bin", "PIP_CONSTRAINT": "x", "PYTHONPATH": "/x", "HTTPS_PROXY": "p"}
    assert environment(given, "") == {
        "PATH": "/bin",
        "HTTPS_PROXY": "p",
        "PIP_CONFIG_FILE": "/dev/null",
    }
