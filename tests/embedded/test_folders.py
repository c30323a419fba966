"""Apps in a folder of their repository, and what of a commit reaches the release."""

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import WSGI

pytestmark = pytest.mark.embedded

FOLDER = "import helper\n" + WSGI.replace("{text}", "from a folder")


def test_the_folder_of_the_app_is_found(server: EmbeddedServer) -> None:
    app = server.create("folder")
    checkout = server.checkout("folder")
    backend = {"backend/app.py": FOLDER, "backend/helper.py": "", "backend/requirements.txt": ""}
    checkout.commit({**backend, "frontend/index.html": "<h1>x</h1>"})
    pushed = checkout.push()
    assert pushed.status == 0, pushed.text
    assert "Root: backend/, the one folder with an app and its packages." in pushed.text
    assert server.ask(app) == (200, "from a folder")


def test_gunicorn_starts_in_a_folder(server: EmbeddedServer) -> None:
    """Of a repository with export attributes: what was committed is in the release, as it was."""
    app = server.create("inside")
    checkout = server.checkout("inside")
    checkout.commit(
        {
            "Procfile": "web: cd backend && gunicorn app:app --bind 0.0.0.0:$PORT\n",
            "requirements.txt": "gunicorn\n",
            "backend/app.py": FOLDER,
            "backend/helper.py": "open('../data/rows.csv')\nimport subprocess\n"
            "subprocess.run(['sh', '../run.sh'], check=True)\n",
            "backend/gunicorn.conf.py": "raw_env = ['GREETING=of the file']\n",
            "data/rows.csv": "1\n",
            "run.sh": "#!/bin/sh\nexit 0\n",
            ".gitattributes": "/data export-ignore\n*.md export-ignore\n*.sh text eol=crlf\n",
            "README.md": "hi\n",
        }
    )
    pushed = checkout.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "from a folder of the file")
    source = server.paths(app).current.resolve() / "source"
    assert (source / "README.md").read_text() == "hi\n"
    assert (source / "run.sh").read_text() == "#!/bin/sh\nexit 0\n"
