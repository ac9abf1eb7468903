"""The central system: stations, their sockets, their transactions.

Other rooms see it through its faces only: `csms.registry` (read), `csms.administration` (write).
It knows nothing of prices: it says `TransactionEnded`, billing listens.
"""
