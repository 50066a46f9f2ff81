"""The channel service: our sales organisation and the partners through whom we sell."""
