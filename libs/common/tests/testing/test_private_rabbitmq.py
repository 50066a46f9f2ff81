import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import aio_pika
import pytest

from common.local_processes import command_line, wait_until_gone
from common.private_rabbitmq import (
    BrokerError,
    BrokerInUse,
    BrokerUnavailable,
    RabbitMQNode,
    find_scripts,
)

QUORUM = {"x-queue-type": "quorum"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with RabbitMQNode(tmp_path_factory.mktemp("broker") / "node") as node:
        yield node


async def publish(node, queue, *bodies):
    connection = await aio_pika.connect(node.url())
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue(queue, durable=True, arguments=QUORUM)
        for body in bodies:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, queue)


async def consume(node, queue, count):
    connection = await aio_pika.connect(node.url())
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, durable=True, arguments=QUORUM)
        bodies = []
        async with asyncio.timeout(20), declared.iterator() as messages:
            async for message in messages:
                await message.ack()
                bodies.append(message.body)
                if len(bodies) == count:
                    break
        return bodies


async def test_a_confirmed_message_survives_a_killed_broker(node):
    await publish(node, "survivors")
    # A quorum queue younger than that may lose its own creation, whatever was confirmed in it.
    await asyncio.sleep(2)
    await publish(node, "survivors", b"first", b"second")
    url, pid = node.url(), node.pid

    await asyncio.to_thread(node.kill)
    assert not node.is_running
    assert command_line(pid) is None
    with pytest.raises(OSError):
        await aio_pika.connect(url)
    await asyncio.to_thread(node.start)

    assert node.url() == url
    assert await consume(node, "survivors", 2) == [b"first", b"second"]


async def test_a_suspended_broker_answers_again_when_resumed(node):
    await publish(node, "patience", b"one")
    node.suspend()
    consumed = asyncio.create_task(consume(node, "patience", 1))
    done, _ = await asyncio.wait([consumed], timeout=1)
    assert not done

    node.resume()

    assert await consumed == [b"one"]


async def test_a_virtual_host_of_its_own_can_be_made_and_used(node):
    url = await asyncio.to_thread(node.make_vhost, "a/b")

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("only-here")
    assert "only-here" in node.ctl("list_queues", "--vhost", "a/b")
    assert "only-here" not in node.ctl("list_queues")


def test_another_process_may_command_the_running_node_by_its_directory(node):
    program = (
        "import sys; from common.private_rabbitmq import RabbitMQNode; "
        "print(RabbitMQNode(sys.argv[1]).ctl('list_vhosts'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(node.data_dir)], capture_output=True, text=True
    )

    assert "/" in done.stdout.split()


def test_a_refused_command_says_why(node):
    with pytest.raises(BrokerError, match="no_such_command"):
        node.ctl("no_such_command")


def test_a_second_owner_of_the_directory_is_refused(node):
    with pytest.raises(BrokerInUse, match=str(os.getpid())):
        RabbitMQNode(node.data_dir).start()

    assert node.is_running


def test_it_shares_nothing_with_another_broker_on_this_machine(node):
    environment = Path(f"/proc/{node.pid}/environ").read_text().split("\0")
    ports = {
        line.split("=")[1]
        for line in environment
        if line.startswith(("RABBITMQ_NODE_PORT=", "RABBITMQ_DIST_PORT=", "ERL_EPMD_PORT="))
    }

    assert len(ports) == 3
    assert not ports & {"4369", "5672", "25672"}
    assert f"HOME={node.data_dir}/home" in environment
    assert f"127.0.0.1:{node.port}" in (node.data_dir / "rabbitmq.conf").read_text()


def test_it_ends_with_its_owner_and_leaves_no_port_mapper(tmp_path):
    program = (
        "import json, sys, time; from common.private_rabbitmq import RabbitMQNode; "
        "node = RabbitMQNode(sys.argv[1]); node.start(); "
        "print((node.data_dir / 'node.json').read_text(), flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "node")], stdout=subprocess.PIPE
    )
    identity = json.loads(owner.stdout.readline())
    assert command_line(identity["pid"]) is not None

    owner.kill()
    owner.communicate()

    assert wait_until_gone([identity["pid"], identity["epmd_pid"]], timeout_s=10)


def test_a_stop_takes_the_node_and_the_port_mapper_with_it(tmp_path):
    node = RabbitMQNode(tmp_path / "node")
    begun_at = time.monotonic()
    node.start()
    boot_s = time.monotonic() - begun_at
    pids = [node.pid, node._identity()["epmd_pid"]]

    node.stop()

    assert all(command_line(pid) is None for pid in pids)
    assert boot_s < 60


def test_without_rabbitmq_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("common.private_rabbitmq._DEBIAN_SCRIPTS", tmp_path)
    monkeypatch.setattr("common.private_rabbitmq._OTHER_SCRIPTS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BrokerUnavailable, match="apt install rabbitmq-server"):
        find_scripts()
    with pytest.raises(BrokerUnavailable):
        RabbitMQNode(tmp_path / "node").start()


def test_a_node_that_does_not_start_says_so_with_its_log(tmp_path):
    node = RabbitMQNode(tmp_path / "node", settings={"no.such.setting": "1"})

    with pytest.raises(BrokerError, match=r"no\.such\.setting"):
        node.start()

    assert not node.is_running
