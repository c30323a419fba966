"""The command lines that start an app's jobs."""

from fnmatch import fnmatchcase
from pathlib import Path

from receiver.hosts.jobs import Job
from receiver.hosts.systemd.jobs import deploy_job_units, job_argv, job_unit, lasting_job_units
from receiver.hosts.systemd.units import placeholder_unit, slot_units, socket_unit
from receiver.model.layout import Layout
from receiver.model.names import AppName

BLOG = AppName("blog")
RUNTIME = Path("/opt/ship/receiver/runtime")


def argv(job: Job) -> tuple[str, ...]:
    return job_argv(Layout.vps(), RUNTIME, job, job_unit(job), "--pipe")


def command(job: Job) -> tuple[str, ...]:
    """What runs in the sandbox, behind the shell that tells how it ended."""
    words = argv(job)
    begin = words.index("--") + 1
    assert words[begin : begin + 2] == ("/bin/sh", "-c")
    return words[begin + 4 :]


def job(*words: str, **more: object) -> Job:
    return Job(app=BLOG, argv=words, cwd=Path("/tmp"), **more)  # type: ignore[arg-type] # as given


def test_config_vars_go_by_file_never_by_argument() -> None:
    config = Path("/var/lib/ship/apps/blog/releases/v1/env.json")
    assert command(job("make", config=config)) == (
        "/usr/bin/python3",
        "-I",
        "-S",
        str(RUNTIME / "enter.py"),
        str(config),
        "--",
        "make",
    )


def test_systemd_puts_no_variable_into_a_command() -> None:
    assert command(job("echo", "$HOME")) == ("/usr/bin/env", "--", "echo", "$$HOME")


def test_a_build_gives_way_to_the_apps_that_serve() -> None:
    assert "--property=Nice=10" in argv(job("make", name="build"))
    assert "--property=Nice=10" in argv(job("make", name="predeploy"))
    assert "--property=Nice=10" not in argv(job("serve", name="canary"))


def test_a_limit_is_kept_by_systemd_too_in_case_ship_is_gone() -> None:
    assert "--property=RuntimeMaxSec=90" in argv(job("make", limit_s=60))
    assert not any("RuntimeMaxSec" in word for word in argv(job("make")))


def test_plain_settings_come_on_top_of_the_defaults() -> None:
    words = argv(job("make", env={"HOME": "/cache", "A": "b c"}))
    assert [word for word in words if word.startswith("--setenv=")] == [
        "--setenv=HOME=/cache",
        "--setenv=LANG=C.UTF-8",
        "--setenv=A=b c",
    ]


def test_jobs_of_a_deploy_and_of_a_person_are_told_apart() -> None:
    mine, theirs = job_unit(job("x", name="build")), job_unit(job("x", name="run", lasting=True))
    assert fnmatchcase(mine, deploy_job_units(BLOG))
    assert not fnmatchcase(theirs, deploy_job_units(BLOG))
    assert fnmatchcase(theirs, lasting_job_units(BLOG))
    assert not fnmatchcase(mine, lasting_job_units(BLOG))
    assert job_unit(job("x")) != job_unit(job("x"))


def test_stopping_jobs_never_fits_a_unit_that_stays_or_another_app() -> None:
    stays = [socket_unit(BLOG), placeholder_unit(BLOG)]
    stays += [*slot_units(BLOG, "a"), *slot_units(BLOG, "b")]
    others = [
        job_unit(
            Job(app=AppName(name), argv=("x",), cwd=Path("/tmp"), name="build", lasting=lasting)
        )
        for name in ("blog-staging", "blog2", "my-blog")
        for lasting in (True, False)
    ]
    for pattern in (deploy_job_units(BLOG), lasting_job_units(BLOG)):
        assert not [unit for unit in (*stays, *others) if fnmatchcase(unit, pattern)]


def test_the_kernel_keeps_a_build_to_its_memory_where_it_can() -> None:
    assert "--property=MemoryMax=1000" in argv(job("make", most_memory_bytes=1000))
    assert "--property=MemoryMax=80%" in argv(job("make"))
