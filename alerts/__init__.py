"""What deserves attention, who hears of it, and when to stop.

Its public face: `monitoring` (switch it on and off per station, and read it), `raising` (report
what a watch found), `alerting` (read alerts, take them on, close them), and the values of
`detections` and `life`.
"""
