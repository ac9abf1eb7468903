"""People who put things right: calls, tickets, change orders, campaigns.

Stands on csms and billing: it acts on stations, costs money and starts from what they tell.
Public face: `support.change_orders`, `support.calls`, `support.tickets`.
"""
