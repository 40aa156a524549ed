"""What the swarm does at the moment: asked of the schedulers, kept in bounded memory, told to people.

`collector.Collector` is the service; `model` what it knows, `history` how it was, `alarms` what is
wrong.
Nothing here is needed for the swarm to work.
"""
