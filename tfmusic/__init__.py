"""tfmusic: symbolic music with transformers, in TensorFlow and Keras."""

import os

if not os.path.isdir(os.path.join(__path__[0], "datasets")):
    __path__.append(os.path.dirname(__path__[0]))
