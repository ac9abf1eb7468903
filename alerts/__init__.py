"""What deserves attention, who hears of it, and when to stop.

Its public face: `monitoring` (switch it on and off per station, and read it).
"""
