import asyncio
import os
import stat
import subprocess
import sys
import time

import asyncpg
import pytest

from common.embedded_postgres import (
    EmbeddedPostgres,
    PostgresError,
    PostgresInUse,
    PostgresUnavailable,
    find_binaries,
)
from common.local_processes import command_line, free_port, wait_until_gone


@pytest.fixture
def server(tmp_path):
    server = EmbeddedPostgres(tmp_path / "data", fast=True)
    server.start()
    yield server
    server.stop("immediate")


async def query(server, sql, *arguments, database="postgres"):
    connection = await asyncpg.connect(server.url(database))
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


async def test_a_stopped_server_comes_back_with_its_data_and_its_password(tmp_path):
    first = EmbeddedPostgres(tmp_path / "data", fast=True)
    with first:
        await query(first, "CREATE TABLE kept AS SELECT 42 AS answer")
        password = first.url().split("@")[0]

    second = EmbeddedPostgres(tmp_path / "data", fast=True)
    with second:
        assert await query(second, "SELECT answer FROM kept") == 42
        assert second.url().split("@")[0] == password


def test_the_first_start_takes_two_seconds_at_most_and_the_next_ones_one(tmp_path):
    server = EmbeddedPostgres(tmp_path / "data")

    first_s = timed(server.start)
    server.stop()
    second_s = timed(server.start)
    server.stop()

    # Another job may be running beside.
    assert first_s < 2 * 3
    assert second_s < 1 * 3


async def test_it_is_set_up_for_every_script_and_for_utc(server):
    assert await query(server, "SHOW server_encoding") == "UTF8"
    assert await query(server, "SHOW timezone") == "UTC"
    assert await query(server, "SHOW max_connections") == "300"
    assert await query(server, "SELECT lower('ÉCOLE 华东')") == "école 华东"
    names = ["乙", "B", "甲", "a"]
    sorted_names = await query(
        server, "SELECT array_agg(n ORDER BY n) FROM unnest($1::text[]) n", names
    )
    assert sorted_names[-2:] == ["乙", "甲"]


async def test_it_asks_for_the_password_and_listens_on_loopback_only(server):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url(), password="wrong")
    assert await query(server, "SHOW listen_addresses") == "127.0.0.1"
    password_file = server.data_dir / "password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


def test_it_works_in_a_directory_closed_to_everybody_else(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with EmbeddedPostgres(closed / "data", fast=True) as server:
        assert asyncio_query(server, "SELECT 1") == 1
        owner = server.data_dir.stat().st_uid
        assert (owner != 0) if os.geteuid() == 0 else (owner == os.geteuid())


async def test_a_killed_server_recovers_what_was_committed(server):
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    port, pid = server.port, server.pid

    server.kill()
    assert not server.is_running
    assert command_line(pid) is None
    server.start()

    assert server.port == port
    assert await query(server, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_breaks_connections_and_keeps_port_and_data(server, mode):
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    port = server.port
    open_connection = await asyncpg.connect(server.url())

    await asyncio.to_thread(server.restart, mode)

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await open_connection.fetchval("SELECT 1")
    open_connection.terminate()
    assert server.port == port
    assert await query(server, "SELECT answer FROM kept") == 42


async def test_a_suspended_server_keeps_its_connections_and_answers_when_resumed(server):
    connection = await asyncpg.connect(server.url())
    server.suspend()

    asked = asyncio.create_task(connection.fetchval("SELECT 42"))
    done, _ = await asyncio.wait([asked], timeout=0.5)
    assert not done

    server.resume()
    assert await asked == 42
    await connection.close()


async def test_a_suspended_server_can_be_stopped(server):
    server.suspend()

    await asyncio.to_thread(server.stop, "immediate")

    assert not server.is_running


def test_a_pid_file_that_names_another_living_process_is_stale(tmp_path):
    server = EmbeddedPostgres(tmp_path / "data", fast=True)
    server.start()
    pid_file = tmp_path / "data" / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.kill()
    assert pid_file.exists()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    server.start()

    assert asyncio_query(server, "SELECT 1") == 1
    server.stop()


def test_a_server_ends_when_its_owner_is_killed(tmp_path):
    owner, server_pid = start_in_another_process(tmp_path / "data")

    owner.kill()
    owner.communicate()

    assert wait_until_gone([server_pid], timeout_s=10)


def test_a_server_that_outlived_its_owner_is_ended_and_its_data_taken_over(tmp_path):
    owner, leftover = start_in_another_process(
        tmp_path / "data", "local_processes._leash.remove(server.pid); os._exit(0)"
    )
    owner.communicate()
    assert command_line(leftover) is not None

    with EmbeddedPostgres(tmp_path / "data", fast=True) as server:
        assert asyncio_query(server, "SELECT 1") == 1
        assert command_line(leftover) is None


def test_a_data_directory_in_use_is_refused_and_left_alone(tmp_path):
    with EmbeddedPostgres(tmp_path / "data", fast=True) as server:
        with pytest.raises(PostgresInUse, match=str(os.getpid())):
            EmbeddedPostgres(tmp_path / "data", fast=True).start()

        assert asyncio_query(server, "SELECT 1") == 1


def test_a_port_taken_by_somebody_else_is_told_with_the_servers_own_words(tmp_path):
    with EmbeddedPostgres(tmp_path / "one", port=free_port(), fast=True) as server:
        with pytest.raises(PostgresError, match="Address already in use"):
            EmbeddedPostgres(tmp_path / "two", port=server.port, fast=True).start()


def test_data_of_a_version_that_is_not_installed_is_refused(tmp_path):
    with EmbeddedPostgres(tmp_path / "data", fast=True):
        pass
    (tmp_path / "data" / "cluster" / "PG_VERSION").write_text("99\n")

    with pytest.raises(PostgresUnavailable, match="made by PostgreSQL 99"):
        EmbeddedPostgres(tmp_path / "data", fast=True).start()


def test_without_binaries_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("common.embedded_postgres.find_binaries", list)

    with pytest.raises(PostgresUnavailable, match="embedded-postgres"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_an_interrupted_making_of_the_cluster_is_begun_again(tmp_path):
    (tmp_path / "data" / "cluster.unfinished").mkdir(parents=True)
    (tmp_path / "data" / "cluster.unfinished" / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(tmp_path / "data", fast=True) as server:
        assert asyncio_query(server, "SELECT 1") == 1


@pytest.mark.parametrize("binaries", find_binaries(), ids=lambda found: f"PostgreSQL {found.major}")
def test_every_installed_version_will_do(tmp_path, monkeypatch, binaries):
    monkeypatch.setattr("common.embedded_postgres.find_binaries", lambda: [binaries])

    with EmbeddedPostgres(tmp_path / "data", fast=True) as server:
        version = asyncio_query(server, "SHOW server_version_num")
        assert int(version) // 10_000 == binaries.major
        assert asyncio_query(server, "SELECT lower('ÉCOLE')") == "école"


async def test_a_database_is_made_once_also_when_two_ask_at_the_same_time(server):
    urls = await asyncio.gather(*[server.ensure_database('odd "name"') for _ in range(5)])

    assert len(set(urls)) == 1
    count = await query(server, "SELECT count(*) FROM pg_database WHERE datname = $1", 'odd "name"')
    assert count == 1


async def test_settings_are_handed_to_the_server(tmp_path):
    settings = {"statement_timeout": "123ms", "application_name": "it's"}

    with EmbeddedPostgres(tmp_path / "data", fast=True, settings=settings) as server:
        assert await query(server, "SHOW statement_timeout") == "123ms"
        assert await query(server, "SHOW fsync") == "off"


def start_in_another_process(data_dir, then="time.sleep(60)"):
    program = (
        "import os, time; from common import local_processes; "
        "from common.embedded_postgres import EmbeddedPostgres; "
        f"server = EmbeddedPostgres({str(data_dir)!r}, fast=True); server.start(); "
        f"print(server.pid, flush=True); {then}"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    return owner, int(owner.stdout.readline())


def asyncio_query(server, sql):
    with asyncio.Runner() as runner:
        return runner.run(query(server, sql))


def timed(act):
    begun_at = time.monotonic()
    act()
    return time.monotonic() - begun_at
