"""The central system: stations, their sockets, their transactions.

Other rooms see it through its faces only: `csms.registry`, `csms.charging` (read),
`csms.administration` (write), `csms.remote` (ask a station), `csms.outcomes` (what became of that).
It knows nothing of prices: it says `TransactionEnded`, billing listens.
"""
