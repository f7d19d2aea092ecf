"""Where the dashboards are written down.

text.py      both languages of a text, and how one of them is chosen
promql.py    every query idea, with the reason for its shape
grafana.py   panels as Grafana's JSON
frame.py     what is around them: variables, annotations, links
abandono/    the supervisors' dashboard, a file for each of its rows
exporter/    the on-call dashboard, likewise
"""
