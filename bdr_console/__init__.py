"""bdr-console: watch a PostgreSQL multi-master cluster and take its nodes out of service safely."""

__version__ = "0.1.0"
