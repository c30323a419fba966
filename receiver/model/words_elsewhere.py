"""Commands of Heroku, Dokku, Piku, Kamal and CapRover that Ship has under another name, or has not:
what to type or to do instead.

Data alone. A word with a colon is one command, one without it its whole namespace as well. Commands
that take something away are not named here: nobody shall type one because it was suggested.
"""

from collections.abc import Sequence

_PUSH = (
    "Commit, then push: `git push prod main`. A folder or an archive without git: `ship deploy`."
)
_NO_DATABASES = (
    "Ship runs no databases. Install it on the server with its package manager, and tell the app "
    "where it is: `ship config:set DATABASE_URL=...`."
)
_NO_CONTAINERS = (
    "Ship has no containers and no images: it builds what is pushed, for the server's own Python. "
    "`ship builds` lists what was built."
)
_HTTPS = (
    "https comes by itself for every name that leads here. `ship certs` shows the certificates, "
    "`ship certs:add` takes one of your own."
)
_DOMAINS = "`ship domains` shows the host names of an app, `ship domains:add` gives it more."
_SHELL = (
    "`ship run bash` opens a shell with the app's code, packages and config vars, in a process of "
    "its own. Processes that serve cannot be entered."
)
_KEYS = (
    "There is no login: your ssh key is your account. `ship whoami` shows your key and "
    "what it may do; an admin adds keys with `ship keys:add`."
)
_PEOPLE = "People have keys: `ship keys` lists them, `ship access` says who may do what to an app."
_NGINX = (
    "`ship nginx:show` lists what nginx does for an app, `ship nginx:set` changes it; its files are"
    " Ship's own. `ship logs --source router` shows requests, `ship doctor` checks the way to the"
    " app."
)
_MACHINE = (
    "A server is set up and upgraded on the machine itself, by `./installer.sh` of the wanted "
    "version of Ship."
)
_SETTINGS = "`ship config` lists the config vars, `ship config:set NAME=value` sets one."
_PROCESSES = (
    "`ship ps` shows the processes of an app, `ship ps:scale web=2` sets how many run, and "
    "`ship help` lists the rest."
)
_STATE = "`ship apps:info` shows an app, `ship ps` what runs, and `ship doctor` what is wrong."
_COPIES = "`ship apps:clone blog blog-staging` makes an app like another, to try changes on."
_NO_PLUGINS = "Ship has no plugins."
_COPY_FILES = (
    "`ship storage:get` and `ship storage:put` copy files of the app's storage; code comes by "
    "`git push`."
)

_ANSWERS: Sequence[tuple[str, str]] = (
    # what people type to deploy
    ("push release:create redeploy git:sync git:from-image git:initialize", _PUSH),
    ("rebuild ps:rebuildall", "`ship releases:retry` builds the live commit again."),
    (
        "rollout promote pipelines",
        (
            "A release goes to another app by pushing its commit to that app's remote: "
            "`git push staging main`, then `git push prod main`."
        ),
    ),
    ("reviewapps ci", _COPIES),
    ("build", "`git push` builds. `ship builds` lists the builds, `ship check` tries one."),
    (
        "builder builder-herokuish builder-dockerfile builder-nixpacks builder-pack",
        "`ship buildpacks` shows what builds an app.",
    ),
    (
        "git git:report git:set git:status",
        "`ship git:remote` has a checkout know its app; the branch that is deployed is main.",
    ),
    ("remote", "`ship git:remote -a NAME` adds the git remote `prod` to this checkout."),
    # who may do what
    ("login logout auth auth:login auth:logout signup", _KEYS),
    ("user users members teams orgs collaborators sharing acl authorizations", _PEOPLE),
    # addresses
    ("domain", _DOMAINS),
    ("cert letsencrypt tls", _HTTPS),
    ("caddy haproxy openresty traefik", _NGINX),
    (
        "proxy ports port",
        (
            "Ship sends requests to the web process, which listens on `$PORT`. `ship urls` lists "
            "its addresses."
        ),
    ),
    (
        "network networks",
        "Apps are kept apart. `open_to` in the app.toml of one lets another connect to it.",
    ),
    (
        "http-auth basic-auth",
        "`ship nginx:auth NAME` asks the visitors of an app for a name and a password.",
    ),
    (
        "redirect redirects",
        "`ship nginx:set redirects./old=/new` sends visitors of an address on to another.",
    ),
    # data
    (
        (
            "pg postgres postgresql psql mysql mariadb mongo mongodb redis rabbitmq memcached "
            "elasticsearch meilisearch clickhouse typesense accessory addons addon services"
        ),
        _NO_DATABASES,
    ),
    (
        "backup backups pg:backups",
        (
            "Ship makes no backups by itself. docs/operations.md says which folders to copy, and "
            "`ship storage:get` fetches the files of one app."
        ),
    ),
    (
        "volume volumes disk:mount storage:create storage:ensure-directory",
        "`ship storage:mount PATH` keeps a file or folder of the app over its releases.",
    ),
    ("scp cp download upload ps:copy", _COPY_FILES),
    # config
    (
        "env set var vars variables secrets environment config:live config:push config:pull",
        _SETTINGS,
    ),
    ("config:bundle", "`ship config:export` prints all config vars."),
    # processes
    ("enter exec shell bash ssh ps:exec ps:inspect attach tmux sh python", _SHELL),
    (
        "ps:forward ps:socks tunnel",
        (
            "Ship forwards no ports. With an account of your own on the "
            "server: `ssh -L 5432:localhost:5432 you@server`."
        ),
    ),
    (
        (
            "dyno dynos process processes container:ps ps:type ps:autoscale ps:retire ps:restore "
            "autoscale"
        ),
        _PROCESSES,
    ),
    (
        "resource resources resource:reserve size resize",
        "`ship limits` shows what processes may use, `ship limits:set` sets it.",
    ),
    (
        "scheduler schedule job jobs cronjobs crontab",
        "Cron jobs are in ship.toml or app.json; `ship cron` lists them.",
    ),
    (
        "worker workers",
        "A line in the Procfile makes a process type, and `ship ps:scale worker=1` starts it.",
    ),
    # looking
    ("log tail", "`ship logs` shows the app's log, `ship logs -t` follows it."),
    ("logs:vector-start logs:vector-logs logs:set sink", "`ship drains:add URL` sends the log on."),
    ("status report details apps:errors inspect trace", _STATE),
    (
        "events event activity history notifications",
        (
            "`ship audit` shows who did what, `ship releases` what changed, `ship logs` both in "
            "order of time."
        ),
    ),
    (
        "metrics stats monitor monitoring top usage",
        (
            "`ship capacity` shows the memory of each app, `ship ps` what runs. Ship keeps no "
            "history of either."
        ),
    ),
    ("dashboard ui panel", "Ship has no dashboard: `ship apps` and `ship ps` show the same."),
    (
        "webhooks webhook hooks deploy-hooks",
        "Ship calls no address after a deploy. A `postdeploy` script in app.json runs then.",
    ),
    # the app
    (
        "new init app:create",
        (
            "`ship apps:create NAME` makes an app; then "
            "`ship git:remote -a NAME` and `git push prod main`."
        ),
    ),
    ("app app:list", "`ship apps` lists the apps, `ship apps:info NAME` shows one."),
    (
        "app-json appjson procfile",
        "app.json and Procfile are files of the repository; a push reads them.",
    ),
    (
        "stack stacks apps:stacks",
        "`.python-version` in the repository says which Python an app runs on.",
    ),
    ("apps:transfer apps:join apps:leave apps:favorites", _PEOPLE),
    # what Ship has not
    (
        "container containers docker docker-options image images registry compose dockerfile",
        _NO_CONTAINERS,
    ),
    ("plugin plugins labs features", _NO_PLUGINS),
    (
        "spaces regions region swarm cluster nodes node scheduler-k3s scheduler-docker-local",
        "Ship is one server.",
    ),
    # the server
    (
        "setup bootstrap serversetup server:bootstrap server:setup upgrade update self-update",
        _MACHINE,
    ),
    ("server:exec", "Ship gives no shell on the machine; `ship run bash` opens one of the app."),
    (
        "cleanup prune gc repo repo:gc repo:purge-cache",
        (
            "Ship cleans up by itself: `keep_releases` in the server's ship.toml sets how many "
            "releases stay."
        ),
    ),
)
_BY_WORD = {word: answer for words, answer in _ANSWERS for word in words.split()}


def answer(words: Sequence[str]) -> str:
    """What to do instead of a command that there is elsewhere; nothing for one that is unknown."""
    whole = ":".join(words[:2])
    named = (whole, words[0], *_above(whole), *_above(words[0]))
    return next((_BY_WORD[word] for word in named if word in _BY_WORD), "")


def _above(word: str) -> list[str]:
    """The namespaces that a word is in: of `pg:backups:capture` `pg:backups` and `pg`."""
    parts = word.split(":")
    return [":".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def all_words() -> dict[str, str]:
    """Every word, with its answer."""
    return dict(_BY_WORD)
