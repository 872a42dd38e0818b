"""A DAG file that cannot be imported."""

from airflow.no_such_module import nothing  # noqa: F401

# What Airflow looks for before it reads a file: dag
