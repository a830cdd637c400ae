"""Test on Cityscapes val at full size (2048x1024), for windows of 1024, after training on SYNTHIA.

Scored in the 19 classes and in the 16 and 13 that papers on SYNTHIA report.
"""

_base_ = ['./test_cityscapes_1024.py']

val_evaluator = dict(also=['synthia16', 'synthia13'])
test_evaluator = val_evaluator
