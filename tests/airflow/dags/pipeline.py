"""The DAGs that the tests look at, for Airflow 2 and 3 alike."""

from datetime import datetime, timedelta
from pathlib import Path

try:
    from airflow.sdk import dag, task
except ImportError:  # 2.x
    from airflow.decorators import dag, task

FROM = datetime(2026, 1, 1)


@dag(dag_id="lake_good", schedule=None, start_date=FROM, is_paused_upon_creation=False)
def good():
    @task
    def extract():
        print("42 rows extracted")

    extract()


@dag(dag_id="lake_bad", schedule=None, start_date=FROM, is_paused_upon_creation=False)
def bad():
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def load(**context):
        number = context["ti"].try_number
        print(f"this is try {number}")
        raise ValueError(f"column amount: 17 nulls in try {number}")

    @task
    def publish():
        print("published")

    load() >> publish()


@dag(dag_id="lake_waits", schedule=None, start_date=FROM, is_paused_upon_creation=False)
def waits():
    @task(retries=3, retry_delay=timedelta(hours=1))
    def load():
        raise ValueError("not yet")

    load()


@dag(dag_id="lake_paused", schedule="@daily", start_date=FROM, catchup=False, is_paused_upon_creation=True)
def paused():
    @task
    def extract():
        pass

    extract()


@dag(dag_id="lake_redrive", schedule=None, start_date=FROM, is_paused_upon_creation=False)
def redrive():
    @task
    def load(**context):
        conf = context["dag_run"].conf
        lake = Path(conf["lake"])
        rows = (lake / conf["entry"] / "rejected_rows.json").read_text()
        partition = lake / "bronze" / conf["dataset"] / f"dt={conf['date']}"
        partition.mkdir(parents=True, exist_ok=True)
        with open(partition / "part-redriven.jsonl", "a") as out:
            out.write(rows)

    load()


good()
bad()
waits()
paused()
redrive()
