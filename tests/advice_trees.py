"""The table of advice on a tree that is refused: what was pushed, what is advised, what following
that gives.

Each row is decided, followed by the letter of what is printed, and decided again, in the unit ring:
tests/unit/test_advice_followed.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.unit.trees import FLASK, LinkTo

File = str | bytes
Files = Mapping[str, File]


@dataclass(frozen=True)
class OfTree:
    """A tree that is refused, and what to do by the letter of its advice."""

    reason: str
    files: Files
    advice: str
    """A part of what is printed: what is followed. Command lines, where `does` is empty."""
    gives: str
    """What the plan has or says after following it."""
    does: Mapping[str, File | None] = field(default_factory=dict)
    """What somebody writes who reads it; None is a file that is taken away."""
    brings: Mapping[str, File] = field(default_factory=dict)
    """Files that the commands of the advice add: written by their tool, or only not committed."""
    is_live: bool = False
    """Whether a release with a web process is live."""
    log: str = ""
    """What uv said, where the tree is only refused by uv."""


APP = {"app.py": FLASK, "requirements.txt": "flask\n"}
ALONE = {"app.py": FLASK}
SERVES = "web: gunicorn app:app"
ON_311, ON_312 = "Using Python 3.11.2", "Using Python 3.12.4"
PROJECT = "[project]\nname = 'blog'\nversion = '1'\ndependencies = ['flask']\n"
LOCK = "version = 1\n"
POETRY = "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n"
HASH_OF_NOTHING = "ebffa69a1fa192d1cef7cb42ad79231ca976565c5ce371a70160b3048d3cbc06"
HASH_OF_312 = "702ad05de9bc9de99a4807c8dde1686f31e0041d7b5f6f6b74861195a52110f5"
HASH_OF_POETRY = "1be3afc87beb00627d70ba9087279825e941f05a562df12e972061262422d79a"
"""What pipenv makes of an empty Pipfile, and of one that wants 3.12; and poetry of `POETRY`."""
DASH = "from dash import Dash\n\napp = Dash(__name__)\n"
EVENTLET = {"app.py": FLASK, "Procfile": "web: gunicorn -k eventlet app:app\n"}
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n" + "x" * 60


def _pipenv(digest: str = HASH_OF_NOTHING, **requires: str) -> str:
    meta = {"hash": {"sha256": digest}, "requires": requires, "sources": []}
    return json.dumps({"_meta": meta, "default": {}, "develop": {}})


def _poetry(digest: str = HASH_OF_POETRY) -> str:
    return f"[metadata]\nlock-version = '2.1'\ncontent-hash = '{digest}'\n"


def _with_uv(**files: File) -> dict[str, File]:
    return {**ALONE, "pyproject.toml": PROJECT, "uv.lock": LOCK, **files}


OF_UV: tuple[OfTree, ...] = (
    OfTree(
        "build/lock-outdated",
        _with_uv(),
        "uv lock",
        SERVES,
        brings={"uv.lock": LOCK},
        log="error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.",
    ),
    OfTree(
        "build/project-file-invalid",
        _with_uv(),
        "Repair the named place and commit again.",
        SERVES,
        {"uv.lock": f"{LOCK}revision = 3\n"},
        log="error: Failed to parse: `uv.lock`\n  cause: TOML parse error at line 1",
    ),
    OfTree(
        "build/platform-mismatch",
        {**ALONE, "requirements.txt": "flask\npywin32==306\n"},
        "`pywin32; sys_platform == 'win32'`",
        SERVES,
        {"requirements.txt": "flask\npywin32; sys_platform == 'win32'\n"},
        log="Because pywin32==306 has no wheels with a matching platform tag",
    ),
    OfTree(
        "build/platform-mismatch",
        {**ALONE, "requirements.txt": "flask\npywin32==306\n"},
        "or take the line out.",
        SERVES,
        {"requirements.txt": "flask\n"},
        log="Because pywin32==306 has no wheels with a matching platform tag",
    ),
    OfTree(
        "build/python-version-mismatch",
        {**ALONE, "requirements.txt": "flask\nodd==1\n"},
        "echo 3.11 > .python-version",
        ON_311,
        log="Because odd==1 has no wheels with a matching Python ABI tag (e.g., `cp312`) and you\n"
        "require odd==1\nhint: You require CPython 3.12 (`cp312`), but we only found wheels for"
        " `odd` (v1) with the following Python ABI tags: `cp310`, `cp311`",
    ),
    OfTree(
        "build/package-not-found",
        {**ALONE, "requirements.txt": "flask\npkg-resources==0.0.0\n"},
        "`pip freeze` of some systems writes this line by mistake: delete it.",
        SERVES,
        {"requirements.txt": "flask\n"},
        log="Because pkg-resources was not found in the package registry",
    ),
    OfTree(
        "build/package-not-found",
        {**ALONE, "requirements.txt": "flask\nsqlite3\n"},
        "sqlite3 comes with Python and needs no requirement: delete the line.",
        SERVES,
        {"requirements.txt": "flask\n"},
        log="Because sqlite3 was not found in the package registry",
    ),
    OfTree(
        "build/requirements-invalid",
        {**ALONE, "requirements.txt": "pip install flask\n"},
        "Each line is a package name, and a version if you want: `flask` or `flask==3.1.0`.",
        SERVES,
        {"requirements.txt": "flask==3.1.0\n"},
        log="error: Couldn't parse requirement in `requirements.txt` at position 0",
    ),
    OfTree(
        "build/requirements-local-path",
        {**ALONE, "requirements.txt": "flask @ file:///C:/conda/flask.whl\n"},
        "pip list --format=freeze > requirements.txt",
        SERVES,
        brings={"requirements.txt": "flask==3.1.0\n"},
        log="error: Distribution not found at: file:///C:/conda/flask.whl",
    ),
    OfTree(
        "build/git-failed",
        {**ALONE, "requirements.txt": "flask\ngit+ssh://git@github.com/you/odd.git\n"},
        "`NAME @ git+https://${GIT_TOKEN}@github.com/YOU/NAME`",
        SERVES,
        {"requirements.txt": "flask\nodd @ git+https://${GIT_TOKEN}@github.com/you/odd\n"},
        log="git fetch --force ssh://git@github.com/you/odd.git\nCould not read from remote",
    ),
)
"""Refused by uv: its words become advice, and what follows it is taken by what reads the file."""

FOLLOWED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "unit/test_advice_on_archives.py::test_an_archive_made_as_advised_is_taken": (
            "build/archive-cut-short",
            "build/archive-too-large",
            "build/empty-archive",
            "build/not-an-archive",
            "build/unsafe-tree",
        ),
        "unit/test_advice_on_archives.py::test_a_commit_made_as_advised_is_taken": (
            "build/path-too-long",
            "build/too-many-files",
            "build/tree-too-large",
        ),
        "unit/test_advice_by_hand.py::test_a_file_that_was_not_pushed_is_committed": (
            "build/missing-file",
        ),
        "unit/test_advice_by_hand.py::test_a_buildpack_prints_the_yaml_of_the_advice": (
            "build/buildpack-release",
        ),
        "unit/building/test_builder.py::test_what_cannot_be_packed_is_told_in_tars_words": (
            "build/pack-failed",
        ),
        "unit/building/test_builder.py::"
        "test_what_cannot_be_unpacked_is_told_and_pushed_again_it_is": ("build/unpack-failed",),
        "vps/test_vps_system_packages.py::test_what_an_administrator_allows_is_installed_at_once": (
            "build/package-unknown",
        ),
        "unit/building/test_system_packages.py::test_failures_of_apt_have_reasons": (
            "build/packages-conflict",
        ),
        "vps/test_vps_system_packages.py::"
        "test_a_push_has_allowed_packages_installed_and_nothing_started": (
            "build/packages-missing",
        ),
        "embedded/test_advice_on_packages.py::test_what_is_advised_is_installed": (
            "build/hash-mismatch",
            "build/network",
            "build/own-project",
            "build/package-build-failed",
            "build/package-metadata",
            "build/requirements-unresolvable",
        ),
        "embedded/test_advice_on_packages.py::test_what_nobody_knows_is_tried_on_the_own_machine": (
            "build/install-failed",
        ),
        "embedded/test_private_indexes.py::test_lock_of_uv_from_an_index_that_it_names": (
            "build/index-refused",
        ),
        "embedded/test_fetched_python.py::test_one_that_cannot_be_downloaded_leaves_nothing": (
            "build/python-download-failed",
        ),
        "embedded/test_push_buildpacks.py::"
        "test_what_goes_wrong_is_told_and_what_is_advised_works": (
            "build/buildpack-does-not-fit",
            "build/buildpack-failed",
            "build/buildpack-not-fetched",
        ),
        "embedded/test_push_django.py::test_what_is_advised_on_static_files_leads_to_a_release": (
            "build/collectstatic-failed",
            "build/collectstatic-variable",
        ),
        "embedded/test_push_trouble.py::test_a_full_disk_stops_the_push_and_nothing_else": (
            "build/disk-full",
        ),
        "embedded/test_push_trouble.py::"
        "test_a_deploy_that_is_killed_in_its_install_is_undone_by_the_next_push": (
            "build/interrupted",
        ),
        "embedded/test_build_limits.py::"
        "test_a_build_that_eats_memory_is_killed_alone_and_explained": ("build/memory",),
        "embedded/test_advice.py::test_faults_below_each_other_are_put_right_one_by_one": (
            "build/post-compile-failed",
            "build/pre-compile-failed",
            "build/static-folder",
            "build/timeout",
        ),
        "embedded/test_app_json.py::"
        "test_a_required_config_var_is_asked_for_before_anything_is_built": (
            "build/config-var-required",
        ),
    }
)
"""Reasons whose advice a test of its own follows, by the test, below tests/."""
UNTRIED: Mapping[str, str] = MappingProxyType(
    {"build/failed": "nothing is refused with it: it stands for what has no reason of its own"}
)
"""Reasons whose advice nothing follows, and why."""

TREES: tuple[OfTree, ...] = (
    # Which Python
    OfTree(
        "build/python-version-misspelt",
        {**APP, "python-version": "3.11\n"},
        "git mv python-version .python-version",
        ON_311,
    ),
    OfTree(
        "build/python-version-misspelt",
        {**APP, " .python-version": "3.11\n"},
        "git mv ' .python-version' .python-version",
        ON_311,
    ),
    OfTree(
        "build/python-version-invalid",
        {**APP, ".python-version": "'3.11.*'\n"},
        "Write the version alone: no quotes, no wildcards, no other words.",
        ON_311,
        {".python-version": "3.11\n"},
    ),
    OfTree(
        "build/python-version-invalid",
        {**APP, "runtime.txt": "3.11\n"},
        "it has to be of the form `python-3.12` or `python-3.12.4`.",
        ON_311,
        {"runtime.txt": "python-3.11\n"},
    ),
    OfTree(
        "build/python-version-invalid",
        {**ALONE, "Pipfile": "", "Pipfile.lock": _pipenv(python_version="^3.12")},
        'Write it so in the Pipfile, such as `python_version = "3.12"`, and run `pipenv lock`.',
        ON_312,
        {
            "Pipfile": '[requires]\npython_version = "3.12"\n',
            "Pipfile.lock": _pipenv(HASH_OF_312, python_version="3.12"),
        },
    ),
    OfTree(
        "build/python-version-encoding",
        {**APP, ".python-version": "3.11\n".encode("utf-16")},
        "Write one line such as `3.12`, save the file as plain UTF-8, and commit it.",
        ON_312,
        {".python-version": "3.12\n"},
    ),
    OfTree(
        "build/python-version-empty",
        {**APP, ".python-version": "# 3.11\n"},
        "Write one line such as `3.12`, save the file as plain UTF-8, and commit it.",
        ON_312,
        {".python-version": "3.12\n"},
    ),
    OfTree(
        "build/python-version-empty",
        {**APP, ".python-version": ""},
        "Or delete it, and the newest Python of the server is used.",
        ON_312,
        {".python-version": None},
    ),
    OfTree(
        "build/python-version-several",
        {**APP, ".python-version": "3.11\n3.12\n"},
        "Keep the one that the app shall run on.",
        ON_311,
        {".python-version": "3.11\n"},
    ),
    OfTree(
        "build/python-version-unknown",
        {**APP, ".python-version": "9.9\n"},
        "Write one that exists, such as `3.12` in .python-version.",
        ON_312,
        {".python-version": "3.12\n"},
    ),
    OfTree(
        "build/python-version-unknown",
        {**APP, "runtime.txt": "python-9.9\n"},
        "Write one that exists, such as `python-3.12` in runtime.txt.",
        ON_312,
        {"runtime.txt": "python-3.12\n"},
    ),
    OfTree(
        "build/python-end-of-life",
        {**APP, ".python-version": "2.7\n"},
        "echo 3.12 > .python-version",
        ON_312,
    ),
    OfTree(
        "build/python-end-of-life",
        {**APP, "runtime.txt": "python-3.6.15\n"},
        "echo python-3.12 > runtime.txt",
        ON_312,
    ),
    OfTree(
        "build/python-end-of-life",
        {**ALONE, "Pipfile": "", "Pipfile.lock": _pipenv(python_version="3.7")},
        'Use one that is here: `python_version = "3.12"` in the Pipfile, and `pipenv lock`',
        ON_312,
        {
            "Pipfile": '[requires]\npython_version = "3.12"\n',
            "Pipfile.lock": _pipenv(HASH_OF_312, python_version="3.12"),
        },
    ),
    OfTree(
        "build/python-end-of-life",
        _with_uv(
            **{
                ".python-version": "3.7\n",
                "pyproject.toml": f"{PROJECT}requires-python = '<3.12'\n",
            }
        ),
        "echo 3.11 > .python-version",  # the newest here is not one that the project allows
        ON_311,
    ),
    OfTree(
        "build/python-not-installed",
        {**APP, ".python-version": "3.14\n"},
        "echo 3.12 > .python-version",
        ON_312,
    ),
    OfTree(
        "build/python-not-installed",
        _with_uv(**{"pyproject.toml": f"{PROJECT}requires-python = '>=3.14'\n"}),
        "Have `requires-python` in pyproject.toml allow one that is here, such as 3.12",
        ON_312,
        {"pyproject.toml": f"{PROJECT}requires-python = '>=3.12'\n"},
    ),
    OfTree(
        "build/python-version-mismatch",
        _with_uv(
            **{
                ".python-version": "3.11\n",
                "pyproject.toml": f"{PROJECT}requires-python = '>=3.12'\n",
            }
        ),
        "echo 3.12 > .python-version",
        ON_312,
    ),
    OfTree(
        "build/python-version-mismatch",
        {
            **ALONE,
            "runtime.txt": "python-3.12.4\n",
            "pyproject.toml": f"{PROJECT}requires-python = '~=3.11.0'\n",
        },
        "echo python-3.11 > runtime.txt",
        ON_311,
    ),
    # Which packages
    OfTree(
        "build/requirements-misspelt",
        {**ALONE, "requeriments.txt": "flask\n"},
        "git mv requeriments.txt requirements.txt",
        SERVES,
    ),
    OfTree(
        "build/requirements-misspelt",
        {**ALONE, "Pipfile.txt": ""},
        "git mv Pipfile.txt Pipfile",
        SERVES,
    ),
    OfTree(
        "build/requirements-not-found",
        ALONE,
        "pip freeze > requirements.txt",
        SERVES,
        brings={"requirements.txt": "flask==3.1.0\n"},
    ),
    OfTree(
        "build/packages-not-found",
        {**APP, "ship.toml": "[build]\npackages = 'reqs.txt'\n"},
        "Correct `packages` in ship.toml",
        SERVES,
        {"ship.toml": "[build]\npackages = 'requirements.txt'\n"},
    ),
    OfTree(
        "build/packages-not-found",
        {
            "api/app.py": FLASK,
            "api/pyproject.toml": PROJECT,
            "manage.py": "",
            "ship.toml": "[build]\npackages = 'api/pyproject.toml'\n",
        },
        'Make its folder the root of the app: `root = "api"` under `[build]` in ship.toml.',
        SERVES,
        {"ship.toml": '[build]\nroot = "api"\n'},
    ),
    OfTree(
        "build/pyproject-missing",
        {**ALONE, "uv.lock": LOCK},
        "git add pyproject.toml",
        SERVES,
        brings={"pyproject.toml": PROJECT},
    ),
    OfTree(
        "build/pipfile-missing",
        {**ALONE, "Pipfile.lock": _pipenv()},
        "git add Pipfile",
        SERVES,
        brings={"Pipfile": ""},
    ),
    OfTree(
        "build/package-manager-unsupported",
        {**ALONE, "pdm.lock": ""},
        "pdm export -o requirements.txt",
        SERVES,
        brings={"requirements.txt": "flask==3.1.0\n"},
    ),
    OfTree(
        "build/package-manager-unsupported",
        {**ALONE, "environment.yml": "dependencies: [flask]\n"},
        "List the packages in a requirements.txt, one a line, and commit it.",
        SERVES,
        {"requirements.txt": "flask\n"},
    ),
    OfTree(
        "build/requirements-encoding",
        {**ALONE, "requirements.txt": "flask\n".encode("utf-16")},
        "iconv -f UTF-16 -t UTF-8 requirements.txt > new && mv new requirements.txt",
        SERVES,
    ),
    OfTree(
        "build/requirements-encoding",
        {**ALONE, "requirements.txt": "# für später\nflask\n".encode("cp1252")},
        "iconv -f WINDOWS-1252 -t UTF-8 requirements.txt > new && mv new requirements.txt",
        SERVES,
    ),
    OfTree(
        "build/requirements-include-missing",
        {**ALONE, "requirements.txt": "-r base.txt\nflask\n"},
        "Commit the file",
        SERVES,
        {"base.txt": "rich\n"},
    ),
    OfTree(
        "build/requirements-include-missing",
        {**ALONE, "requirements.txt": "-c limits.txt\nflask\n"},
        "or take the line out.",
        SERVES,
        {"requirements.txt": "flask\n"},
    ),
    OfTree(
        "build/requirements-option",
        {**ALONE, "requirements.txt": 'flask --global-option="--fast"\n'},
        "Take the option out.",
        SERVES,
        {"requirements.txt": "flask\n"},
    ),
    OfTree(
        "build/lock-outdated",
        {**ALONE, "Pipfile": "[packages]\n", "Pipfile.lock": _pipenv("of another time")},
        "pipenv lock",
        SERVES,
        brings={"Pipfile.lock": _pipenv()},
    ),
    OfTree(
        "build/lock-outdated",
        {**ALONE, "pyproject.toml": POETRY, "poetry.lock": _poetry("of another time")},
        "poetry lock",
        SERVES,
        brings={"poetry.lock": _poetry()},
    ),
    OfTree(
        "build/lock-invalid",
        {**ALONE, "Pipfile": "", "Pipfile.lock": "{<<<<<<< HEAD\n"},
        "pipenv lock",
        SERVES,
        brings={"Pipfile.lock": _pipenv()},
    ),
    OfTree(
        "build/lock-invalid",
        {**ALONE, "pyproject.toml": POETRY, "poetry.lock": "[metadata]\n"},
        "poetry lock",
        SERVES,
        brings={"poetry.lock": _poetry()},
    ),
    OfTree(
        "build/toml-invalid",
        _with_uv(**{"uv.lock": "<<<<<<< HEAD\nversion = 1\n"}),
        "uv lock",
        SERVES,
        brings={"uv.lock": LOCK},
    ),
    OfTree(
        "build/toml-invalid",
        {**ALONE, "pyproject.toml": PROJECT.replace("'1'", "1.0.0")},
        "Repair the named place and commit again.",
        SERVES,
        {"pyproject.toml": PROJECT},
    ),
    OfTree(
        "build/nltk-data",
        {**ALONE, "requirements.txt": "flask\nnltk\n", "nltk.txt": "-stopwords\n"},
        "Write one name a line, such as `stopwords`, as text in UTF-8.",
        SERVES,
        {"nltk.txt": "stopwords\n"},
    ),
    OfTree(
        "build/aptfile-invalid",
        {**APP, "Aptfile": "libmagic1=1.0\n"},
        "The distribution decides on version and architecture: write `libmagic1`.",
        SERVES,
        {"Aptfile": "libmagic1\n"},
    ),
    # What runs
    OfTree(
        "build/procfile-misspelt",
        {**APP, "Procfile.txt": "web: gunicorn app:app\n"},
        "git mv Procfile.txt Procfile",
        SERVES,
    ),
    OfTree(
        "build/procfile-encoding",
        {**APP, "Procfile": "web: gunicorn app:app\n".encode("utf-16")},
        "(Get-Content Procfile) | Set-Content -Encoding utf8 Procfile",
        SERVES,
        {"Procfile": "web: gunicorn app:app\r\n".encode("utf-8-sig")},
    ),
    OfTree(
        "build/procfile-encoding",
        {**APP, "Procfile": "# für alle\nweb: gunicorn app:app\n".encode("cp1252")},
        "iconv -f WINDOWS-1252 -t UTF-8 Procfile > new && mv new Procfile",
        SERVES,
    ),
    OfTree(
        "build/procfile-invalid",
        {**APP, "Procfile": "gunicorn app\n"},
        "Each line is `type: command`, such as `web: gunicorn app:app`.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\n"},
    ),
    OfTree(
        "build/procfile-invalid",
        {**APP, "Procfile": "web: python app.py\nweb: gunicorn app:app\n"},
        "Keep one line for each process type.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\n"},
    ),
    OfTree(
        "build/procfile-invalid",
        {**APP, "Procfile": "web: gunicorn app:app\nmail.worker: python app.py\n"},
        "Use names such as `web` and `worker`.",
        "worker: python app.py",
        {"Procfile": "web: gunicorn app:app\nworker: python app.py\n"},
    ),
    OfTree(
        "build/procfile-empty",
        {**APP, "Procfile": "# web\n"},
        "Each line is `type: command`, such as `web: gunicorn app:app`.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\n"},
    ),
    OfTree(
        "build/procfile-empty",
        {**APP, "Procfile": ""},
        "Or delete the file, and the web process is looked for in the code.",
        SERVES,
        {"Procfile": None},
    ),
    OfTree(
        "build/no-web",
        {**APP, "Procfile": "wbe: gunicorn app:app\n"},
        "Write `web:` in place of `wbe:`.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\n"},
    ),
    OfTree(
        "build/no-web",
        {**APP, "Procfile": "worker: python app.py\n"},
        "Add a `web:` line.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\nworker: python app.py\n"},
        is_live=True,
    ),
    OfTree(
        "build/no-web",
        {**APP, "Procfile": "worker: python app.py\n", "ship.toml": "[build]\nroot = '.'\n"},
        "`web = false` at the top of ship.toml.",
        "worker: python app.py",
        {"ship.toml": "web = false\n[build]\nroot = '.'\n"},
        is_live=True,
    ),
    OfTree(
        "build/no-web",
        {**APP, "Procfile": "site: gunicorn app:app\n"},
        "If the app is to have no web process, write `web = false` at the top of ship.toml.",
        "site: gunicorn app:app",
        {"ship.toml": "web = false\n"},
    ),
    OfTree(
        "build/no-entry",
        {"job.py": "print(1)\n", "requirements.txt": ""},
        "A bot or a job, without web pages:\n  worker: python job.py",
        "worker: python job.py",
        {"Procfile": "worker: python job.py\n"},
    ),
    OfTree(
        "build/no-entry",
        {"blog/x.py": "def wsgi(e, s): ...\n", "requirements.txt": ""},
        "A web app that gunicorn serves:\n  web: gunicorn MODULE:NAME",
        "web: gunicorn blog.x:wsgi",
        {"Procfile": "web: gunicorn blog.x:wsgi\n"},
    ),
    OfTree(
        "build/syntax-error",
        {"app.py": f"{FLASK}def (:\n", "requirements.txt": "flask\n"},
        "Correct the line and push again.",
        SERVES,
        {"app.py": FLASK},
    ),
    OfTree(
        "build/syntax-error",
        {"app.py": f"{FLASK}def (:\n", "requirements.txt": "flask\n"},
        "say what to run in a file named Procfile: `web: gunicorn MODULE:NAME`.",
        SERVES,
        {"Procfile": "web: gunicorn app:app\n"},
    ),
    OfTree(
        "build/dash-server",
        {"app.py": DASH, "requirements.txt": "dash<4\n"},
        "Add this line below it in app.py, commit and push again:\n  server = app.server",
        "web: gunicorn app:server",
        {"app.py": f"{DASH}server = app.server\n"},
    ),
    OfTree(
        "build/dash-server",
        {"app.py": DASH, "requirements.txt": "dash<4\n"},
        "A Procfile would say `web: gunicorn app:server`.",
        "web: gunicorn app:server",
        {"app.py": f"{DASH}server = app.server\n", "Procfile": "web: gunicorn app:server\n"},
    ),
    OfTree(
        "build/no-such-worker",
        {**EVENTLET, "requirements.txt": "flask\ngunicorn>=26\n"},
        "Use threads, `gunicorn -w 1 --threads 100 ...`",
        "web: gunicorn -w 1 --threads 100 app:app",
        {"Procfile": "web: gunicorn -w 1 --threads 100 app:app\n"},
    ),
    OfTree(
        "build/no-such-worker",
        {**EVENTLET, "requirements.txt": "flask\ngunicorn>=26\n"},
        "or `-k gevent`",
        "web: gunicorn -k gevent app:app",
        {"Procfile": "web: gunicorn -k gevent app:app\n"},
    ),
    OfTree(
        "build/no-such-worker",
        {**EVENTLET, "requirements.txt": "flask\ngunicorn>=26\n"},
        "ask for `gunicorn<26` where the app's packages are named.",
        "web: gunicorn -k eventlet app:app",
        {"requirements.txt": "flask\ngunicorn<26\n"},
    ),
    OfTree(
        "build/script-line-ends",
        {**APP, "Procfile": "web: ./bin/start.sh\n", "bin/start.sh": "#!/bin/sh\r\nexec x\r\n"},
        "  sed -i 's/\\r$//' bin/start.sh\n"
        "  echo '*.sh text eol=lf' >> .gitattributes\n"
        "  git add bin/start.sh .gitattributes && git commit -m 'Line ends of bin/start.sh'",
        "bin/start.sh",
    ),
    OfTree(
        "build/hook-line-ends",
        {**APP, "bin/post_compile": "#!/bin/sh\r\nmake\r\n"},
        "  sed -i 's/\\r$//' bin/post_compile\n"
        "  echo 'bin/* text eol=lf' >> .gitattributes\n"
        "  git add bin/post_compile .gitattributes && "
        "git commit -m 'Line ends of bin/post_compile'",
        SERVES,
    ),
    # What was pushed
    OfTree(
        "build/venv-committed",
        {**APP, "venv/pyvenv.cfg": "", "venv/lib/x.py": ""},
        "  git rm -r --cached --quiet venv\n  echo venv/ >> .gitignore\n  git add .gitignore\n"
        "  git commit -m 'Remove the virtualenv'",
        SERVES,
    ),
    OfTree(
        "build/venv-committed",
        {**APP, "my env/pyvenv.cfg": ""},
        "  git rm -r --cached --quiet 'my env'\n  echo 'my env/' >> .gitignore\n"
        "  git add .gitignore\n  git commit -m 'Remove the virtualenv'",
        SERVES,
    ),
    OfTree(
        "build/python-committed",
        {**APP, ".heroku/python/bin/python": ""},
        "  git rm -r --cached --quiet .heroku\n  echo '.heroku/' >> .gitignore\n"
        "  git add .gitignore\n  git commit -m 'Remove the installed Python'",
        SERVES,
    ),
    OfTree(
        "build/lfs-pointer",
        {**APP, "logo.png": LFS},
        "Take them out of LFS with `git lfs migrate export --include='PATH'` and commit",
        SERVES,
        {"logo.png": b"\x89PNG"},
    ),
    OfTree(
        "build/link-leaves-tree",
        {**APP, "config.py": LinkTo("/etc/blog.py")},
        "Commit the file itself in place of the link",
        SERVES,
        {"config.py": "DEBUG = False\n"},
    ),
    OfTree(
        "build/link-leaves-tree",
        {**APP, "a/config.py": LinkTo("../../config.py"), "config.py": ""},
        "or link to a place inside the repository by a relative path.",
        SERVES,
        {"a/config.py": LinkTo("../config.py")},
    ),
    OfTree(
        "build/submodules",
        {**APP, ".gitmodules": '[submodule "lib"]\n\tpath = lib\n', "lib/": ""},
        "Commit the files themselves",
        SERVES,
        {"lib/x.py": ""},
    ),
    OfTree(
        "build/several-roots",
        {
            "api/app.py": FLASK,
            "api/requirements.txt": "",
            "web/app.py": FLASK,
            "web/requirements.txt": "",
        },
        'Choose one, in ship.toml at the top:\n  [build]\n  root = "api"',
        SERVES,
        {"ship.toml": '  [build]\n  root = "api"\n'},
    ),
    OfTree(
        "build/root-not-found",
        {
            "backend/app.py": FLASK,
            "backend/requirements.txt": "",
            "ship.toml": '[build]\nroot = "bakend"\n',
        },
        "Did you mean backend? Correct the root",
        SERVES,
        {"ship.toml": '[build]\nroot = "backend"\n'},
    ),
    OfTree(
        "build/manifest-invalid",
        {**APP, "ship.toml": "[build]\npackage = 'requirements.txt'\n"},
        "Did you mean `packages`?",
        SERVES,
        {"ship.toml": "[build]\npackages = 'requirements.txt'\n"},
    ),
    OfTree(
        "build/manifest-invalid",
        {**APP, "ship.toml": "[build]\napt = ['libmagic1=1']\n"},
        'List names of packages, such as `apt = ["libmagic1"]`.',
        SERVES,
        {"ship.toml": '[build]\napt = ["libmagic1"]\n'},
    ),
    OfTree(
        "build/manifest-invalid",
        {**APP, "ship.toml": "[build]\nroot = .\n"},
        "Text values stand in quotes.",
        SERVES,
        {"ship.toml": '[build]\nroot = "."\n'},
    ),
    OfTree(
        "build/cron-invalid",
        {**APP, "ship.toml": "[cron.nightly]\nschedule = '0 3 * *'\ncommand = 'x'\n"},
        "`0 3 * * *`",
        SERVES,
        {"ship.toml": "[cron.nightly]\nschedule = '0 3 * * *'\ncommand = 'x'\n"},
    ),
    OfTree(
        "build/app-json-invalid",
        {**APP, "app.json": "{'name': 'blog'}"},
        "JSON has names and texts in double quotes",
        SERVES,
        {"app.json": '{"name": "blog"}'},
    ),
    OfTree(
        "build/slugignore-too-long",
        {**APP, ".slugignore": "".join(f"psd/{n}.psd\n" for n in range(1001)), "psd/1.psd": ""},
        "Name folders, or use patterns such as `*.psd`.",
        SERVES,
        {".slugignore": "*.psd\n"},
    ),
    OfTree(
        "build/file-too-large",
        {**ALONE, "requirements.txt": bytes(5 << 20)},
        "Check that the right file was committed under this name.",
        SERVES,
        {"requirements.txt": "flask\n"},
    ),
    OfTree(
        "build/nested-too-deeply",
        {**APP, "ship.toml": f"web = {'[' * 5000}\n"},
        "Check that the right files were committed.",
        SERVES,
        {"ship.toml": "[build]\nroot = '.'\n"},
    ),
    OfTree(
        "build/nested-too-deeply",
        {**ALONE, "pyproject.toml": f"x = {'[' * 5000}\n"},
        "Check that the right files were committed.",
        SERVES,
        {"pyproject.toml": PROJECT},
    ),
    OfTree(
        "build/no-buildpack",
        {"README.md": "", "index.htm": "<h1>"},
        "Did you mean index.html, where index.htm is written?",
        "Static",
        {"index.htm": None, "index.html": "<h1>"},
    ),
    OfTree(
        "build/no-buildpack",
        {"README.md": ""},
        "procfile: a Procfile, when nothing above is there",
        "web: ./serve",
        {"Procfile": "web: ./serve\n"},
    ),
)
