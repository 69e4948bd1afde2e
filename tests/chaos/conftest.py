"""The tests here stand on the harness and the fixtures of tests/integration."""

import importlib.util
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
INTEGRATION = HERE.parent / "integration"
sys.path[:0] = [str(HERE), str(INTEGRATION)]

_spec = importlib.util.spec_from_file_location(
    "integration_conftest", INTEGRATION / "conftest.py")
_conftest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_conftest)

for _name in ("make", "world", "pytest_addoption", "pytest_configure",
              "pytest_collection_modifyitems", "pytest_runtest_makereport"):
    globals()[_name] = getattr(_conftest, _name)
