"""Feature spaces: what images are compared in. A space is named in a config and made by
`space(config, source)`.
"""

from genlab.metrics.features.backbones import VGG16 as VGG16
from genlab.metrics.features.domain import Domain as Domain
from genlab.metrics.features.inception import Inception as Inception
from genlab.metrics.features.plain import Pixels as Pixels
from genlab.metrics.features.plain import RandomConv as RandomConv
from genlab.metrics.features.space import FeatureSpace as FeatureSpace
from genlab.metrics.features.space import cache as cache
from genlab.metrics.features.vit import CLIP as CLIP
from genlab.metrics.features.vit import DINOv2 as DINOv2
