"""Dashboards: the page that shows the reports.

# without schemas.py: the page is files
# without use_cases.py: the page asks the reports
"""
