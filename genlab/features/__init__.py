"""Feature spaces: networks whose outputs are compared in place of images. A config names one, and
its `space(config, source)` makes it.
"""

from genlab.features.backbones import VGG16 as VGG16
from genlab.features.domain import Domain as Domain
from genlab.features.factors import Factors as Factors
from genlab.features.inception import Inception as Inception
from genlab.features.plain import Pixels as Pixels
from genlab.features.plain import RandomConv as RandomConv
from genlab.features.space import FeatureSpace as FeatureSpace
from genlab.features.vit import CLIP as CLIP
from genlab.features.vit import DINOv2 as DINOv2
