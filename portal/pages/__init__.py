"""The pages: what people see, one module per subject, each with a `router`.

`routes.router` collects them; `portal.application` includes it. Every module asks the faces of the
rooms below (`csms.registry`, `billing.books`, …) for values, fills the frozen views of
`views`, and has `portal.rendering` write the page. Who may see a page is decided by
`portal.guard.require`; what of it, by the `Scope` given to every face.
"""
