"""Names that differ from what one would type: packages by the module they bring. Pure."""

PACKAGES = {
    "attr": "attrs",
    "boto": "boto3",
    "bs4": "beautifulsoup4",
    "cairosvg": "CairoSVG",
    "corsheaders": "django-cors-headers",
    "crispy_forms": "django-crispy-forms",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple",
    "discord": "discord.py",
    "dj_database_url": "dj-database-url",
    "django_extensions": "django-extensions",
    "django_filters": "django-filter",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "email_validator": "email-validator",
    "environ": "django-environ",
    "fitz": "PyMuPDF",
    "flask_bcrypt": "Flask-Bcrypt",
    "flask_cors": "Flask-Cors",
    "flask_login": "Flask-Login",
    "flask_migrate": "Flask-Migrate",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "flask_wtf": "Flask-WTF",
    "git": "GitPython",
    "google.protobuf": "protobuf",
    "graphene_django": "graphene-django",
    "import_export": "django-import-export",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "multipart": "python-multipart",
    "nacl": "PyNaCl",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pkg_resources": "setuptools<82",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "psycopg": "psycopg[binary]",
    "pydantic_settings": "pydantic-settings",
    "pymysql": "PyMySQL",
    "pythonjsonlogger": "python-json-logger",
    "rest_framework": "djangorestframework",
    "rest_framework_simplejwt": "djangorestframework-simplejwt",
    "sentry_sdk": "sentry-sdk",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socketio": "python-socketio",
    "social_django": "social-auth-app-django",
    "storages": "django-storages",
    "taggit": "django-taggit",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "uvicorn.workers": "uvicorn",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""What to write into requirements.txt for a module of another name."""

_PROGRAMS = {
    "alembic": "alembic",
    "celery": "celery",
    "daphne": "daphne",
    "ddtrace-run": "ddtrace",
    "django-admin": "Django",
    "dramatiq": "dramatiq",
    "fastapi": "fastapi[standard]",
    "flask": "Flask",
    "gunicorn": "gunicorn",
    "huey_consumer": "huey",
    "hypercorn": "hypercorn",
    "newrelic-admin": "newrelic",
    "rq": "rq",
    "streamlit": "streamlit",
    "uvicorn": "uvicorn",
    "uwsgi": "uWSGI",
    "waitress-serve": "waitress",
}
"""Packages by the programs that they bring."""

LEFT_PYTHON = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(
        (
            *(
                "aifc",
                "audioop",
                "cgi",
                "cgitb",
                "chunk",
                "crypt",
                "imghdr",
                "mailcap",
                "msilib",
                "nis",
            ),
            *(
                "nntplib",
                "ossaudiodev",
                "pipes",
                "sndhdr",
                "spwd",
                "sunau",
                "telnetlib",
                "uu",
                "xdrlib",
            ),
        ),
        "3.13",
    ),
}
"""Modules that Python itself once brought, and the version without them."""


def package_of(module: str) -> str:
    """What a requirements.txt names for a module: its own name, where nothing else is known."""
    top = module.partition(".")[0]
    return PACKAGES.get(module) or PACKAGES.get(top) or top


def program_package(program: str) -> str | None:
    """The package that brings a program, where it is known."""
    return _PROGRAMS.get(program.rpartition("/")[2])
