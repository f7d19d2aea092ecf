"""Where the dashboards are written down.

    text.py      both languages of a text, and how one of them is chosen
    promql.py    every query idea, with the reason for its shape
    grafana.py   panels, variables, annotations and links as Grafana's JSON
    abandono.py  the supervisors' dashboard
    exporter.py  the on-call dashboard
"""
