"""`python -m channel …`; `--help` lists the commands."""

from channel import events, main, worker
from channel.consumers import CONSUMERS
from channel.db import MIGRATIONS, SERVICE
from channel.settings import Settings
from channel.sign_in.commands import accounts_cli, keys_cli, set_up
from common.cli import ServiceEntry, run

ENTRY = ServiceEntry(
    package=SERVICE,
    settings=Settings,
    create_app=main.create,
    create_worker=worker.create,
    events=events,
    consumers=CONSUMERS,
    migrations=MIGRATIONS,
    on_setup=set_up,
    commands={"keys": keys_cli, "accounts": accounts_cli},
)

if __name__ == "__main__":
    run(ENTRY)
