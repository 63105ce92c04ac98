"""Facts -> findings -> verdict, alarms, root cause and impact. Pure; one rule for each question, here only.

Other rooms take `judge` from judge.py, Finding, Level, Thresholds and Verdict from findings.py, the alarm
board from alarms.py, the one line from headline.py and what a lag means from lag.py.
"""
