"""Standings: the grade, class and stage of each customer, how they came about, and what they were.

They follow from what customers are and do, by versioned policies; a person may override the grade until
a day, and choose the class until that is taken back.
"""
