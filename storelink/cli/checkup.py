"""What the doctor found, for people, for scripts, and as an exit code."""

from typing import TYPE_CHECKING, Any

from storelink.cli import show
from storelink.cli.problems import ExitCode

if TYPE_CHECKING:
    from storelink.connectors.protocol import Checkup


def check_code(checkup: "Checkup") -> ExitCode:
    if checkup.healthy:
        return ExitCode.DONE
    return ExitCode.REFUSED if checkup.auth_failed else ExitCode.FAILED


def check_document(checkup: "Checkup") -> dict[str, Any]:
    return {
        "healthy": checkup.healthy,
        "auth_failed": checkup.auth_failed,
        "findings": list(checkup.findings),
        "settings": dict(checkup.settings),
    }


_SIGNS = {
    "problem": ("✗", show.BAD),
    "warning": ("!", show.WARN),
    "note": ("·", show.INFO),
    "ok": ("✓", show.GOOD),
}


def tell_findings(checkup: "Checkup") -> None:
    for one in checkup.findings:
        sign, tone = _SIGNS[one.level]
        level = "" if one.level == "ok" else f"{one.level}: "
        show.say(show.Toned(f"{sign} {level}{one.what}", tone), indent=2, hang=2)
        if one.mend:
            show.say(f"  {one.mend}", indent=2, hang=2)
