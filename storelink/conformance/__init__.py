"""The kit that every connector passes: a dozen lines of test hand it a fake store.

    class AcmeLaboratory(Laboratory): ...

    TestAcme = connector_tests(AcmeLaboratory)

It needs pytest and hypothesis (`storelink[conformance]`), imported only by `connector_tests`, and for
the cases that write a fixture `database`: a `storelink.db.Database` with fresh tables.
"""

import sys

from storelink.conformance.laboratory import Ability, Fault, Laboratory

__all__ = ["Ability", "Fault", "Laboratory", "connector_tests"]


def connector_tests(laboratory: type[Laboratory]) -> type:
    """A class of tests for pytest; give it a name that begins with `Test`."""
    import pytest

    names = {
        f"{__name__}.{name}"
        for name in ("bounding", "checking", "normalizing", "reading", "seeing", "writing")
    }
    pytest.register_assert_rewrite(*(names - sys.modules.keys()))
    from storelink.conformance.bounding import Bounding
    from storelink.conformance.checking import Checking
    from storelink.conformance.normalizing import Normalizing
    from storelink.conformance.reading import Reading
    from storelink.conformance.seeing import Seeing
    from storelink.conformance.writing import Writing

    # cases for webhooks and actions join here, each for connectors that have the capability
    groups = (Reading, Normalizing, Checking, Writing, Bounding, Seeing)
    return type(f"{laboratory.__name__}Tests", groups, {"laboratory": laboratory})
