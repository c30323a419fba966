"""Where a finding of `ship doctor` is planted, and its advice followed, by a test of its own.

Most are rows of tests/embedded/doctor_faults.py and tests/vps/doctor_faults.py.
"""

from collections.abc import Mapping
from types import MappingProxyType

ELSEWHERE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "embedded/test_doctor.py::test_an_app_that_is_pushed_and_corrected_as_advised_is_well": (
            "process.crashes",
            "web.not-deployed",
        ),
        "embedded/test_doctor.py::test_another_process_that_takes_visitors_is_named": (
            "port.shared",
        ),
        "embedded/test_doctor.py::test_requests_that_failed_are_told_for_an_hour": (
            "web.failed-lately",
        ),
        "embedded/test_doctor.py::test_a_server_that_is_down_is_told_and_nothing_else": (
            "server.down",
        ),
        "embedded/test_certificates.py::test_what_nginx_can_serve_is_no_finding": (
            "certificate.key",
            "certificate.missing",
        ),
        "embedded/test_damage.py::test_doctor_repairs_a_damaged_repository": (
            "push.repository-damaged",
        ),
        "vps/test_vps_https.py::"
        "test_with_a_dns_hook_one_certificate_serves_all_apps_and_none_waits": (
            "certificate.wildcard",
        ),
        "vps/test_vps_system_packages.py::"
        "test_a_push_has_allowed_packages_installed_and_nothing_started": ("packages.missing",),
    }
)

UNTRIED: Mapping[str, str] = MappingProxyType(
    {
        "clock.not-kept": "the test machines are containers, whose clock is their host's",
    }
)
