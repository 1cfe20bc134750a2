"""Papers, books and data that docstrings name by authors and year and that are not on arXiv, or are
not named by their id: title, where it was published, where to find it.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A paper or a book; `link` is "" where there is no address that lasts."""

    title: str
    where: str
    link: str = ""


def doi(name: str) -> str:
    """The address of a DOI, as a link in Markdown has it."""
    return "https://doi.org/" + name.replace("(", "%28").replace(")", "%29")


PAPERS = {
    "Alpaydin & Kaynak 1998": Published(
        "Optical Recognition of Handwritten Digits", "UCI", doi("10.24432/C50P49")
    ),
    "Appleby 2011": Published("MurmurHash3", "code", "https://github.com/aappleby/smhasher"),
    "Bertalmio et al. 2001": Published(
        "Navier-Stokes, fluid dynamics, and image and video inpainting",
        "CVPR",
        doi("10.1109/CVPR.2001.990497"),
    ),
    "Bishop 2006": Published("Pattern Recognition and Machine Learning", "Springer"),
    "Black & Rogaway 2002": Published(
        "Ciphers with Arbitrary Finite Domains", "CT-RSA", doi("10.1007/3-540-45760-7_9")
    ),
    "Bonneel et al. 2015": Published(
        "Sliced and Radon Wasserstein barycenters of measures",
        "J. Math. Imaging and Vision 51",
        doi("10.1007/s10851-014-0506-3"),
    ),
    "Bookstein 1989": Published(
        "Principal warps: thin-plate splines and the decomposition of deformations",
        "IEEE TPAMI 11(6)",
        doi("10.1109/34.24792"),
    ),
    "Bradley & Terry 1952": Published(
        "Rank analysis of incomplete block designs: I. The method of paired comparisons",
        "Biometrika 39",
        doi("10.1093/biomet/39.3-4.324"),
    ),
    "Buades, Coll & Morel 2005": Published(
        "A non-local algorithm for image denoising", "CVPR", doi("10.1109/CVPR.2005.38")
    ),
    "Burt & Adelson 1983": Published(
        "The Laplacian pyramid as a compact image code",
        "IEEE Trans. Communications 31(4)",
        doi("10.1109/TCOM.1983.1095851"),
    ),
    "Chambolle 2004": Published(
        "An algorithm for total variation minimization and applications",
        "J. Math. Imaging and Vision 20",
        doi("10.1023/B:JMIV.0000011325.36760.1e"),
    ),
    "Chan, Golub & LeVeque 1979": Published(
        "Updating formulae and a pairwise algorithm for computing sample variances",
        "Stanford CS-TR-79-773",
    ),
    "Chen & Cherry 2014": Published(
        "A systematic comparison of smoothing techniques for sentence-level BLEU",
        "WMT",
        doi("10.3115/v1/W14-3346"),
    ),
    "Chu & Ghahramani 2005": Published(
        "Preference learning with Gaussian processes", "ICML", doi("10.1145/1102351.1102369")
    ),
    "Crammer & Singer 2001": Published(
        "On the algorithmic implementation of multiclass kernel-based vector machines",
        "JMLR 2",
        "https://jmlr.org/papers/v2/crammer01a.html",
    ),
    "Damelin & Hoang 2018": Published(
        "On surface completion and image inpainting by biharmonic functions: numerical aspects",
        "Int. J. Mathematics and Mathematical Sciences",
        doi("10.1155/2018/3950312"),
    ),
    "Dowson & Landau 1982": Published(
        "The Fréchet distance between multivariate normal distributions",
        "J. Multivariate Analysis 12(3)",
        doi("10.1016/0047-259X(82)90077-X"),
    ),
    "Eastwood & Williams 2018": Published(
        "A framework for the quantitative evaluation of disentangled representations",
        "ICLR",
        "https://openreview.net/forum?id=By-7dz-AZ",
    ),
    "Efron & Tibshirani 1993": Published("An Introduction to the Bootstrap", "Chapman & Hall"),
    "Gretton et al. 2012": Published(
        "A kernel two-sample test",
        "JMLR 13",
        "https://jmlr.org/papers/v13/gretton12a.html",
    ),
    "Hedges 1981": Published(
        "Distribution theory for Glass's estimator of effect size and related estimators",
        "J. Educational Statistics 6(2)",
        doi("10.3102/10769986006002107"),
    ),
    "Higgins et al. 2017": Published(
        "beta-VAE: learning basic visual concepts with a constrained variational framework",
        "ICLR",
        "https://openreview.net/forum?id=Sy2fzU9gl",
    ),
    "Holm 1979": Published(
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian J. Statistics 6(2)",
        "https://www.jstor.org/stable/4615733",
    ),
    "Immerkær 1996": Published(
        "Fast noise variance estimation",
        "Computer Vision and Image Understanding 64(2)",
        doi("10.1006/cviu.1996.0060"),
    ),
    "Irani & Peleg 1991": Published(
        "Improving resolution by image registration",
        "CVGIP: Graphical Models and Image Processing 53(3)",
        doi("10.1016/1049-9652(91)90045-L"),
    ),
    "Jones et al. 1998": Published(
        "Efficient global optimization of expensive black-box functions",
        "J. Global Optimization 13",
        doi("10.1023/A:1008306431147"),
    ),
    "Korpelevich 1976": Published(
        "The extragradient method for finding saddle points and other problems", "Matecon 12"
    ),
    "Lakens 2013": Published(
        "Calculating and reporting effect sizes to facilitate cumulative science",
        "Frontiers in Psychology 4:863",
        doi("10.3389/fpsyg.2013.00863"),
    ),
    "LeCun et al. 1998": Published(
        "Gradient-based learning applied to document recognition",
        "Proc. IEEE 86(11)",
        doi("10.1109/5.726791"),
    ),
    "Maechler 2012": Published(
        "Accurately computing log(1 - exp(-|a|))", "vignette of the R package Rmpfr"
    ),
    "Mardia & Jupp 2000": Published("Directional Statistics", "Wiley"),
    "Marquardt 1963": Published(
        "An algorithm for least-squares estimation of nonlinear parameters",
        "J. SIAM 11(2)",
        doi("10.1137/0111030"),
    ),
    "Matthey et al. 2017": Published(
        "dSprites: disentanglement testing Sprites dataset",
        "data",
        "https://github.com/deepmind/dsprites-dataset",
    ),
    "Mockus 1975": Published(
        "On Bayesian methods for seeking the extremum",
        "IFIP Technical Conference on Optimization Techniques",
        doi("10.1007/3-540-07165-2_55"),
    ),
    "Neal 2001": Published(
        "Annealed importance sampling",
        "Statistics and Computing 11",
        doi("10.1023/A:1008923215028"),
    ),
    "Odena et al. 2016": Published(
        "Deconvolution and checkerboard artifacts", "Distill", doi("10.23915/distill.00003")
    ),
    "Papineni et al. 2002": Published(
        "BLEU: a method for automatic evaluation of machine translation",
        "ACL",
        doi("10.3115/1073083.1073135"),
    ),
    "Pech-Pacheco et al. 2000": Published(
        "Diatom autofocusing in brightfield microscopy: a comparative study",
        "ICPR",
        doi("10.1109/ICPR.2000.903548"),
    ),
    "Peli 1990": Published(
        "Contrast in complex images", "JOSA A 7(10)", doi("10.1364/JOSAA.7.002032")
    ),
    "Phipson & Smyth 2010": Published(
        "Permutation p-values should never be zero",
        "Statistical Applications in Genetics and Molecular Biology 9(1)",
        doi("10.2202/1544-6115.1585"),
    ),
    "Raschka 2018": Published(
        "MLxtend: providing machine learning and data science utilities and extensions to Python's "
        "scientific computing stack",
        "J. Open Source Software 3(24)",
        doi("10.21105/joss.00638"),
    ),
    "Reinhard et al. 2001": Published(
        "Color transfer between images", "IEEE CG&A 21(5)", doi("10.1109/38.946629")
    ),
    "Richardson 1972": Published(
        "Bayesian-based iterative method of image restoration",
        "J. Optical Society of America 62(1)",
        doi("10.1364/JOSA.62.000055"),
    ),
    "Shoemake 1985": Published(
        "Animating rotation with quaternion curves", "SIGGRAPH", doi("10.1145/325334.325242")
    ),
    "Sohn et al. 2015": Published(
        "Learning structured output representation using deep conditional generative models",
        "NeurIPS",
    ),
    "Srivastava et al. 2014": Published(
        "Dropout: a simple way to prevent neural networks from overfitting",
        "JMLR 15",
        "https://jmlr.org/papers/v15/srivastava14a.html",
    ),
    "Telea 2004": Published(
        "An image inpainting technique based on the fast marching method",
        "J. Graphics Tools 9(1)",
        doi("10.1080/10867651.2004.10487596"),
    ),
    "Villani 2009": Published(
        "Optimal Transport: Old and New", "Springer", doi("10.1007/978-3-540-71050-9")
    ),
    "Vincent et al. 2008": Published(
        "Extracting and composing robust features with denoising autoencoders",
        "ICML",
        doi("10.1145/1390156.1390294"),
    ),
    "Wang et al. 2004": Published(
        "Image quality assessment: from error visibility to structural similarity",
        "IEEE TIP 13(4)",
        doi("10.1109/TIP.2003.819861"),
    ),
    "Wang, Simoncelli & Bovik 2003": Published(
        "Multiscale structural similarity for image quality assessment",
        "Asilomar Conference on Signals, Systems and Computers",
        doi("10.1109/ACSSC.2003.1292216"),
    ),
    "Wilson 1927": Published(
        "Probable inference, the law of succession, and statistical inference",
        "JASA 22",
        doi("10.1080/01621459.1927.10502953"),
    ),
    "Winograd 1980": Published(
        "Arithmetic Complexity of Computations", "SIAM", doi("10.1137/1.9781611970364")
    ),
    "Wood 1994": Published(
        "Simulation of the von Mises Fisher distribution",
        "Communications in Statistics: Simulation and Computation 23(1)",
        doi("10.1080/03610919408813161"),
    ),
}
