"""Test on Cityscapes val at half size (1024x512), for windows of 512, after training on SYNTHIA.

Scored in the 19 classes and in the 16 and 13 that papers on SYNTHIA report.
"""

_base_ = ['./test_cityscapes_512.py']

val_evaluator = dict(also=['synthia16', 'synthia13'])
test_evaluator = val_evaluator
