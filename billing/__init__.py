"""What charging costs, who owes whom, and the papers about it.

Faces: `billing.books`, `billing.pricing`, `billing.closing`, `billing.contacts`,
`billing.contracts`, `billing.invoicing`, `billing.papers`, and what calls itself a face.
"""
