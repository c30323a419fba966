"""app.json: what it may say, and what it is told when it says something else."""

import json

import pytest

from receiver.model.app_json import (
    AppJson,
    Buildpack,
    DokkuScripts,
    Formation,
    Header,
    Healthcheck,
    Scripts,
    Variable,
    parse_app_json,
)
from receiver.model.errors import BuildError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", AppJson()),
        ("\ufeff{}\r\n", AppJson()),
        (
            ('{"name": "blog", "description": "", "keywords": [], "website": "x", "$schema": "y"}'),
            AppJson(),
        ),
        (
            (
                '{"scripts": {"predeploy": "a", "postdeploy": "b", "dokku": {"predeploy": "c", '
                '"postdeploy": "d"}}}'
            ),
            AppJson(scripts=Scripts(DokkuScripts("c", "d"), "a", "b")),
        ),
        ('{"env": {"A": "1", "B": {}}}', AppJson(env={"A": "1", "B": Variable()})),
        (
            (
                '{"env": {"KEY": {"description": "d", "generator": "secret", "required": false, '
                '"value": ""}}}'
            ),
            AppJson(env={"KEY": Variable("d", "", False, "secret")}),
        ),
        (
            ('{"formation": {"web": {"quantity": 2}, "worker": {}}}'),
            AppJson(formation={"web": Formation(2), "worker": Formation()}),
        ),
        (
            (
                '{"healthchecks": {"web": [{"type": "startup", "path": "/health", "attempts": '
                '3, "timeout": 5, "wait": 1, "httpHeaders": [{"name": "Host", "value": '
                '"a.example"}]}]}}'
            ),
            AppJson(
                healthchecks={
                    "web": (
                        Healthcheck(
                            "startup",
                            path="/health",
                            attempts=3,
                            timeout=5,
                            wait=1,
                            http_headers=(Header("Host", "a.example"),),
                        ),
                    )
                }
            ),
        ),
        (
            ('{"cron": [{"command": "x", "schedule": "@daily", "more": 1}]}'),
            AppJson(cron=({"command": "x", "schedule": "@daily", "more": 1},)),
        ),
        (
            ('{"buildpacks": [{"url": "https://example.com/a.git"}]}'),
            AppJson(buildpacks=(Buildpack("https://example.com/a.git"),)),
        ),
    ],
)
def test_is_read(text: str, wanted: AppJson) -> None:
    assert parse_app_json(text.encode())[0] == wanted


def test_what_is_used_or_only_describes_the_app_needs_no_notice() -> None:
    told = {
        "name": "a",
        "description": "",
        "keywords": [],
        "website": "x",
        "logo": "",
        "repository": "",
    }
    used = {"env": {"A": {"value": "1"}}, "scripts": {"dokku": {"predeploy": "a"}}}
    assert parse_app_json(json.dumps({**told, **used}).encode())[1] == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"a\\u001bb": 1}', r"a\x1bb"),
        ('{"stack": "heroku-24", "addons": []}', "addons, stack"),
        ('{"scripts": {"test": "pytest", "dokku": {"x": 1}}}', "scripts.dokku.x, scripts.test"),
        ('{"env": {"A": {"sync": true}}}', "env.A.sync"),
        ('{"formation": {"web": {"size": "eco"}}}', "formation.web.size"),
        (
            (
                '{"healthchecks": {"web": [{"type": "startup", "uptime": 1}, {"type": "liveness", '
                '"uptime": 2}]}}'
            ),
            "healthchecks.web.uptime",
        ),
    ],
)
def test_what_is_not_used_is_named_once(text: str, named: str) -> None:
    assert parse_app_json(text.encode())[1] == f"app.json: {named} is of no use here."


@pytest.mark.parametrize(
    ("data", "detail", "advice"),
    [
        (b"", "Line 1, column 1", "double quotes"),
        (b"{'a': 1}", "Line 1, column 2", "double quotes"),
        (b'{\n "scripts": {},\n}', "Line 3, column 1", "no comma behind the last entry"),
        (b"{\n // web\n}", "Line 2, column 2", "no comments"),
        (b"[]", "It holds no object.", "`{`"),
        (b'{"env": {"A": "1", "A": "2"}}', "The name 'A' stands in one object twice", "Correct"),
        ('{"name": "é"}'.encode("latin-1"), "Line 1 is not UTF-8.", "UTF-8"),
        ("{}".encode("utf-16"), "Line 1 is not UTF-8.", "UTF-8"),
        (b'{"env": {"A": "\\ud800"}}', "half a character", "itself"),
        (b"[" * 100_000, "nested too deeply", "right file"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "Exceeds the limit", "Correct"),
        (
            b'{"scripts": "x"}',
            "`scripts`: It has to be a table of names and values, and is a text in quotes.",
            'as in `"scripts": ',
        ),
        (
            b'{"scripts": {"predeploy": ["x"]}}',
            "`scripts.predeploy`: It has to be a text in quotes, and is a list.",
            'as in `"scripts": ',
        ),
        (
            b'{"scripts": {"dokku": {"postdeploy": 1}}}',
            "`scripts.dokku.postdeploy`: It has to be a text in quotes, and is a whole number.",
            'as in `"scripts": ',
        ),
        (b'{"scripts": {"postdeploy": "a\\u0000b"}}', "`scripts` holds a NUL byte.", "Leave"),
        (
            b'{"env": []}',
            "`env`: It has to be a table of names and values, and is a list.",
            'as in `"env": ',
        ),
        (
            b'{"env": {"PORT": 80}}',
            (
                "`env.PORT`: It has to be a text in quotes or a table of names and values, "
                "and is a "
                "whole number."
            ),
            'as in `"env": ',
        ),
        (
            b'{"env": {"OK": "", "KEY": {"generator": "uuid"}}}',
            "`env.KEY.generator`: It cannot be 'uuid'.",
            'as in `"env": ',
        ),
        (
            b'{"env": {"KEY": {"required": "no"}}}',
            "`env.KEY.required`: It has to be true or false, and is a text in quotes.",
            'as in `"env": ',
        ),
        (
            b'{"env": {"KEY": {"value": true}}}',
            "`env.KEY.value`: It has to be a text in quotes, and is true or false.",
            'as in `"env": ',
        ),
        (b'{"env": {"MY-KEY": "a"}}', "'MY-KEY' cannot be the name of a config var.", "SECRET_KEY"),
        (b'{"env": {"KEY": "a\\u0000b"}}', "`env.KEY` holds a NUL byte.", "Leave"),
        (
            b'{"formation": {"web": 2}}',
            "`formation.web`: It has to be a table of names and values, and is a whole number.",
            'as in `"formation": ',
        ),
        (
            b'{"formation": {"web": {"quantity": -1}}}',
            "`formation.web.quantity`: It has to be 0 or more.",
            'as in `"formation": ',
        ),
        (
            b'{"formation": {"web": {"quantity": 65}}}',
            "`formation.web.quantity`: It has to be 64 or less.",
            'as in `"formation": ',
        ),
        (b'{"formation": {"Web": {}}}', "'Web' cannot be a process type.", "worker"),
        (
            b'{"healthchecks": {"web": {}}}',
            "`healthchecks.web`: It has to be a list, and is a table of names and values.",
            'as in `"healthchecks": ',
        ),
        (
            b'{"healthchecks": {"web": [{}]}}',
            "`healthchecks.web[0]`: It has no `type`.",
            'as in `"healthchecks": ',
        ),
        (
            b'{"healthchecks": {"web": [{"type": "start"}]}}',
            "`healthchecks.web[0].type`: It cannot be 'start'.",
            'as in `"healthchecks": ',
        ),
        (
            (b'{"healthchecks": {"web": [{"type": "startup", "path": "health"}]}}'),
            "`healthchecks.web[0].path`",
            'as in `"healthchecks": ',
        ),
        (
            (b'{"healthchecks": {"web": [{"type": "startup", "attempts": 0}]}}'),
            "`healthchecks.web[0].attempts`",
            'as in `"healthchecks": ',
        ),
        (
            (b'{"healthchecks": {"web": [{"type": "startup", "timeout": "5"}]}}'),
            "`healthchecks.web[0].timeout`",
            'as in `"healthchecks": ',
        ),
        (
            (b'{"healthchecks": {"web": [{"type": "startup", "httpHeaders": {"Host": "x"}}]}}'),
            "`healthchecks.web[0].httpHeaders`",
            'as in `"healthchecks": ',
        ),
        (
            b'{"cron": {}}',
            "`cron`: It has to be a list, and is a table of names and values.",
            'as in `"cron": ',
        ),
        (
            b'{"cron": ["x"]}',
            "`cron[0]`: It has to be a table of names and values, and is a text in quotes.",
            'as in `"cron": ',
        ),
        (b'{"buildpacks": [{}]}', "`buildpacks[0]`: It has no `url`.", 'as in `"buildpacks": '),
    ],
)
def test_is_refused(data: bytes, detail: str, advice: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_app_json(data)
    assert refused.value.reason == "build/app-json-invalid"
    assert detail in refused.value.detail
    assert advice in refused.value.advice


def test_scripts_are_run_once_each_and_in_order() -> None:
    both = {"predeploy": "a", "postdeploy": "b", "dokku": {"predeploy": "a", "postdeploy": "c"}}
    found, _ = parse_app_json(json.dumps({"scripts": both}).encode())
    assert found.predeploy == ("a",)
    assert found.postdeploy(first=True) == ("c", "b")
    assert found.postdeploy(first=False) == ("c",)
    assert AppJson(scripts=Scripts(predeploy=" \n")).predeploy == ()
