"""By which rules sales earn commission: data, in versions, each from a day on."""
