"""The kit is not made for one platform: a toy in memory passes it too."""

from toy_laboratory import ToyLaboratory

from storelink.conformance import connector_tests

TestToy = connector_tests(ToyLaboratory)
