"""Metadata and dependencies of the distribution (``pyproject.toml`` configures tools only)."""

from pathlib import Path

from setuptools import find_packages, setup

# For distributions of the user's own. Kept out of what everyone needs: tf-keras asks for the
# TensorFlow of its own release, so that pip would move the one that is there.
PROBABILITY = ["tensorflow-probability>=0.24", "tf-keras>=2.16"]
TEST = ["hypothesis>=6.100", "pooch>=1.8", "pytest>=8", "pytest-xdist", *PROBABILITY]

setup(
    name="fixedpoint-tf",
    version="0.1.0",
    description=(
        "Find and linearise the fixed points of trained recurrent neural networks "
        "(fixedpoint_tf); latent factor analysis via dynamical systems (lfads_tf)"
    ),
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The authors of fixedpoint-tf",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["fixedpoint_tf*", "lfads_tf*"]),
    package_data={"fixedpoint_tf": ["py.typed"], "lfads_tf": ["py.typed"]},
    # The minimum of each, as .ci/oldest_and_newest installs and uses them.
    install_requires=[
        "tensorflow>=2.16.1",
        "keras>=3.3",
        "numpy>=1.26",
        "scipy>=1.10",
        "scikit-learn>=1.2",
        "matplotlib>=3.7",
        "h5py>=3.10",
        "tqdm>=4.60",
        "threadpoolctl>=3.0",
        "filelock>=3.8",
    ],
    extras_require={
        "data": ["pooch>=1.8"],
        "tfp": PROBABILITY,
        "test": TEST,
        "docs": ["sphinx>=8", "myst-nb", "furo", "sphinx-copybutton"],
        "dev": [*TEST, "build", "mypy", "pre-commit", "ruff"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Scientific/Engineering",
        "Typing :: Typed",
    ],
)
