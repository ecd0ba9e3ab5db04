"""The ParaViews of this machine: where they are, what they carry, and what they need to run the plugin."""
