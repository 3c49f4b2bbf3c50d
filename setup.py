"""The library's packages: `core` and every folder in it, called strides once it is installed."""

from setuptools import find_packages, setup

setup(packages=["strides", *(f"strides.{name}" for name in find_packages("core"))])
