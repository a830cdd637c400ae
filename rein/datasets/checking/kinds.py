"""The kinds of problem that a check can find, in the order in which they are told."""

ERRORS = {
    'unlisted': 'data sets that cannot be listed',
    'unpaired': 'images without label, or labels without image',
    'image': 'images that cannot be read',
    'label': 'labels that cannot be read',
    'numbers': 'labels that hold what their data set does not know',
    'size': 'labels of another size than their image',
    'class': 'labels with classes that the model or the data set does not have',
    'no-class': 'labels without any class',
    'leak': 'the same image in training and in validation or test',
}
WARNINGS = {
    'one-colour': 'images of one single colour',
    'twice': 'the same image more than once',
    'num-classes': 'data sets whose classes are not as many as those of the model',
}
