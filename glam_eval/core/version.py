"""The version, in the one place that the build, the records, the site and the citation read."""

__version__ = "0.1.0"
