"""The ParaView plugin: what each proxy and its panel look like. What they do stands in ``srn_filters``.

Load this file with Tools > Manage Plugins, ``LoadPlugin``, or PV_PLUGIN_PATH; docs/paraview.md tells how.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from paraview.modules.vtkRemotingServerManager import vtkSMProxyIterator, vtkSMProxyManager
from paraview.util.vtkAlgorithm import VTKPythonAlgorithmBase, smdomain, smhint, smproperty, smproxy
from vtkmodules.vtkCommonCore import vtkOutputWindow

paraview_plugin_name = "NeuralCompress"
paraview_plugin_version = "0.1.0"

# --- where the packages are: SRN_SITE_PACKAGES, else the checkout's .venv, else what this file was installed with ---

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def _site_packages(prefix):
    """Folders where ``prefix`` may keep packages for this very Python (Windows; Linux and macOS; Debian's own)."""
    kinds = ("site-packages", "dist-packages")
    if os.name == "nt":
        return [os.path.join(prefix, "Lib", kinds[0])] if _made_for_this_python(prefix) else []
    return [os.path.join(prefix, "lib", _PYTHON, kind) for kind in kinds]


def _made_for_this_python(prefix):
    """On Windows the folder's name does not tell the Python version; pyvenv.cfg does."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as config:
            return f"= {_PYTHON[6:]}." in config.read()
    except OSError:
        return True


def _add_packages():
    """Extend sys.path; returns the folder with the packages that ParaView lacks, or None.

    That folder comes last: ParaView's own NumPy must be found first.
    """
    if os.path.isdir(os.path.join(_ROOT, "filters", "srn_filters")):  # a checkout
        sys.path[:0] = [p for p in (_ROOT, os.path.join(_ROOT, "filters")) if p not in sys.path]
        candidates = _site_packages(os.path.join(_ROOT, ".venv"))
    else:  # installed as <prefix>/share/paraview/plugins/NeuralCompress.py
        prefix = os.path.dirname(os.path.dirname(_ROOT))
        candidates = [*_site_packages(prefix), prefix]  # the last for pip install --target
    candidates.insert(0, os.environ.get("SRN_SITE_PACKAGES") or "")
    found = next((c for c in candidates if c and os.path.isdir(c)), None)
    if found and found not in sys.path:
        sys.path.append(found)
    return found


_SITE = _add_packages()


def _algorithm(module, name, inputs, outputs):
    """A class of ``srn_filters``, or where that cannot be imported one that says so when it is used.

    An ImportError while the plugin is loaded would reach the user as two tracebacks.
    """
    try:
        import_module("srn_filters.packages").installed_in(_SITE)
        return getattr(import_module(f"srn_filters.{module}"), name)
    except ImportError as error:
        return type(name, (_Unusable,), {"ports": (inputs, outputs), "reason": str(error)})


class _Unusable(VTKPythonAlgorithmBase):
    """Takes every setting, and does nothing but say what to do."""

    ports = (1, 1)
    reason = ""

    def __init__(self):
        inputs, outputs = self.ports
        super().__init__(nInputPorts=inputs, inputType="vtkDataObject", nOutputPorts=outputs, outputType="vtkImageData")

    def __getattr__(self, name):
        if name.startswith(("Set", "Add", "Clear", "Train")):
            return lambda *values: None
        raise AttributeError(name)

    def GetReport(self):
        return (
            f"SRN for ParaView needs its packages for ParaView's Python {_PYTHON[6:]} ({self.reason}). Install with: "
            f"{_PYTHON} -m venv ~/srn && ~/srn/bin/python -m pip install 'paraview-srn[train]' "
            f"and set SRN_SITE_PACKAGES=~/srn/lib/{_PYTHON}/site-packages; then start ParaView again."
        )

    def RequestData(self, request, inInfo, outInfo):
        vtkOutputWindow.GetInstance().DisplayErrorText(f"ERROR: {self.GetReport()}\n")
        return 1


def _proxies(group):
    """All proxies of a group, where this process has the panels."""
    manager = vtkSMProxyManager.GetProxyManager() if vtkSMProxyManager.IsInitialized() else None
    manager = manager and manager.GetActiveSessionProxyManager()
    if not manager:
        return []
    found, each = [], vtkSMProxyIterator()
    each.SetSessionProxyManager(manager)
    each.SetModeToOneGroup()
    each.Begin(group)
    while not each.IsAtEnd():
        found.append(each.GetProxy())
        each.Next()
    return found


def _proxies_of(algorithm):
    """The proxies that an algorithm of this process stands behind."""
    return [proxy for proxy in _proxies("sources") if proxy.GetClientSideObject() is algorithm]


def _show_report(algorithm):
    """Bring the panel's report up to date; ParaView itself asks too early."""
    for proxy in _proxies_of(algorithm):
        proxy.UpdatePropertyInformation(proxy.GetProperty("Report"))


# --- two passes: coarse first, the whole when the window is idle ---


class _InWindow:
    """What srn_filters.coarse_first has to know of ParaView's window."""

    def has_window(self):
        return _interactor() is not None

    def refine_when_idle(self):
        _when_idle(lambda: _refine(self))


def _interactor():
    """The interactor of a view in a window, which has timers; None in scripts and on servers."""
    for view in _proxies("views"):
        interactor = view.GetInteractor() if hasattr(view, "GetInteractor") else None
        if interactor is not None and interactor.IsA("QVTKInteractor"):
            return interactor
    return None


def _when_idle(act, milliseconds=50):
    """Call once the window has drawn what it is drawing."""
    interactor = _interactor()
    if interactor is None:
        return

    def fired(caller, _event):  # which must not hold the interactor: the collector would find a ring and empty it
        caller.RemoveObserver(tag)
        # Progress lets timers through in the middle of an update of the pipeline.
        if vtkSMProxyManager.GetProxyManager().GetActiveSession().GetPendingProgress():
            _when_idle(act, milliseconds)
        else:
            act()

    tag = interactor.AddObserver("TimerEvent", fired)
    interactor.CreateOneShotTimer(milliseconds)


def _refine(algorithm):
    """The second pass, of the pipeline and of what shows it."""
    if not algorithm.coarse:
        return
    algorithm.refine()
    proxies = _proxies_of(algorithm)
    for proxy in proxies:
        proxy.MarkModified(proxy)
    for view in _proxies("views"):
        if hasattr(view, "StillRender") and view.GetNeedsUpdate():
            view.Update()
            # Ranges grow with the detail: where ParaView keeps colours to the data's range, it is to do so again.
            for shown in _proxies("representations"):
                if hasattr(shown, "RescaleTransferFunctionToDataRange") and any(_shows(shown, p) for p in proxies):
                    shown.RescaleTransferFunctionToDataRange(True, False)
            view.StillRender()


def _shows(proxy, source):
    """Whether a proxy gets, through whatever filters, what a source makes."""
    given = [proxy.GetProducerProxy(place) for place in range(proxy.GetNumberOfProducers())]
    return any(producer is source or _shows(producer, source) for producer in given)


# --- the estimate of Neural Compress follows what is chosen in its panel, before Apply ---

_FOLLOWED = set()


def _follow_new_panels(*_):
    """Watch the properties of each Neural Compress that has come about since."""
    if not vtkSMProxyManager.IsInitialized():
        return
    manager = vtkSMProxyManager.GetProxyManager().GetActiveSessionProxyManager()
    if manager is None:
        return
    each = vtkSMProxyIterator()
    each.SetSessionProxyManager(manager)
    each.SetModeToOneGroup()
    each.Begin("sources")
    while not each.IsAtEnd():
        proxy = each.GetProxy()
        if proxy.GetXMLName() == "NeuralCompress" and proxy.GetGlobalID() not in _FOLLOWED:
            _FOLLOWED.add(proxy.GetGlobalID())
            for name in _properties_of(proxy):
                proxy.GetProperty(name).AddObserver("UncheckedPropertyModifiedEvent", _estimate_anew)
            _estimate(proxy)
        each.Next()


def _properties_of(proxy):
    names = []
    each = proxy.NewPropertyIterator()
    each.Begin()
    while not each.IsAtEnd():
        if not each.GetProperty().GetInformationOnly() and hasattr(each.GetProperty(), "GetUncheckedElement"):
            names.append(each.GetKey())
        each.Next()
    return names


def _estimate_anew(changed, _):
    _estimate(changed.GetParent())


def _estimate(proxy):
    """Show what the panel as it stands, applied or not, would give. Only where the filter is in this process."""
    algorithm = proxy.GetClientSideObject() if proxy is not None else None
    if not hasattr(algorithm, "estimate_for"):
        return
    chosen = {}
    for name in _properties_of(proxy):
        held = proxy.GetProperty(name)
        values = tuple(held.GetUncheckedElement(i) for i in range(held.GetNumberOfUncheckedElements()))
        chosen[name] = values[0] if len(values) == 1 else values
    array = chosen.get("Array", ())
    named = ("cell" if str(array[3]) == "1" else "point", array[4]) if len(array) == 5 and array[4] else None
    for name, text in zip(("EstimatedSize", "EstimatedTime"), algorithm.estimate_for(chosen, named)):
        shown = proxy.GetProperty(name)
        if shown.GetElement(0) != text:
            shown.SetElement(0, text)


if vtkSMProxyManager.IsInitialized():
    vtkSMProxyManager.GetProxyManager().AddObserver("RegisterEvent", _follow_new_panels)

# --- panels: plain server-manager XML, in the order in which every version of ParaView then shows them ---

_IN_MENU = '<ShowInMenu category="Neural" />'


def _property(kind, label, default, text, inside="", when=(), advanced=True, count=1):
    """A property that is one setting of a compression, as XML; its name is its label without blanks.

    ``when``: pairs of another property and its values (blanks between them) with which alone this one is shown.
    """
    name = label.replace(" ", "")
    decorators = "".join(
        f'<PropertyWidgetDecorator type="GenericDecorator" mode="visibility" property="{other}" values="{values}" />'
        for other, values in when
    )
    if decorators:
        inside += f"<Hints>{decorators}</Hints>"
    return (
        f'<{kind}VectorProperty name="{name}" label="{label}" command="Set{name}" number_of_elements="{count}" '
        f'default_values="{default}" panel_visibility="{"advanced" if advanced else "default"}">{inside}'
        f"<Documentation>{text}</Documentation></{kind}VectorProperty>"
    )


def _whole(label, default, low, high, text, **more):
    """A whole number."""
    return _property("Int", label, default, text, f'<IntRangeDomain name="range" min="{low}" max="{high}" />', **more)


def _number(label, default, text, low=0, high=None, **more):
    """A number; with two bounds ParaView shows a slider."""
    bounds = f'min="{low}"' + ("" if high is None else f' max="{high}"')
    return _property("Double", label, default, text, f'<DoubleRangeDomain name="range" {bounds} />', **more)


def _choice(label, default, known, text, **more):
    """One of some texts."""
    items = "".join(f'<String value="{one}" />' for one in known.split())
    return _property(
        "String", label, default, text, f'<StringListDomain name="known">{items}</StringListDomain>', **more
    )


def _flag(label, default, text, **more):
    """Yes or no."""
    return _property("Int", label, default, text, '<BooleanDomain name="bool" />', **more)


def _group(title, *properties):
    """Properties under a heading: their XML, and that of the group."""
    names = "".join(f'<Property name="{p.split(chr(34))[1]}" />' for p in properties)
    return "\n".join(properties) + f'\n<PropertyGroup label="{title}">{names}</PropertyGroup>\n'


_PRUNERS = "rate none mask smallify variational-static variational-dynamic"
_ONE_NETWORK, _NEURCOMP = ("Network", "fvsrn neurcomp"), [("Network", "auto neurcomp")]
_MASK, _SMALLIFY = [_ONE_NETWORK, ("Pruner", "mask")], [_ONE_NETWORK, ("Pruner", "smallify")]
_STATIC, _DYNAMIC = [_ONE_NETWORK, ("Pruner", "variational-static")], [_ONE_NETWORK, ("Pruner", "variational-dynamic")]
_VARIATIONAL = [_ONE_NETWORK, ("Pruner", "variational-static variational-dynamic")]
_PRUNING = [_ONE_NETWORK, ("Pruner", "mask smallify variational-static variational-dynamic")]
_FVSRN = [("Network", "fvsrn"), ("Pruner", "none mask smallify variational-static variational-dynamic")]
_BY_RATE = [("Network", "fvsrn"), ("Pruner", "rate")]
_STEPS = [("Decay", "passes plateau")]
_BY_RATIO = "-1: automatic, by network and ratio."
_NORM = "p of the norm that the weights behind are held down with, sum |w|^p: 1 or 2."

_TARGET = _group(
    "Target",
    _choice(
        "Target",
        "ratio",
        "ratio bytes psnr max-error parameter-ratio",
        "What the file must keep to: ratio and bytes fix the size, and the quality is what it allows; psnr and "
        "max-error fix the quality of what is decoded from the finished file, and the size is what it takes "
        "(psnr: of an fv-SRN pruned by rate alone); parameter-ratio fixes the numbers of a trained network.",
        advanced=False,
    ),
    _number(
        "Target Ratio",
        100,
        "Bytes of the original array / bytes of the file, at least. The default does not squeeze a small volume "
        "below 4096 bytes; any other number is kept to.",
        1,
        when=[("Target", "ratio")],
        advanced=False,
    ),
    _property("Int", "Target Bytes", 100000, "Bytes of the file, at most.", when=[("Target", "bytes")], advanced=False),
    _number(
        "Target PSNR",
        50,
        "PSNR of the decoded file in dB, over the full range: 40 dB is a mean error of 1 % of the range, 60 dB of "
        "0.1 %; 1 to 200.",
        1,
        200,
        when=[("Target", "psnr")],
        advanced=False,
    ),
    _property(
        "String",
        "Max Error",
        "0.5%",
        "Largest error of any voxel, or of any point or cell of a mesh that is kept: a number in the array's units, "
        "or a percentage of its value range (of several components, the widest one's). Integers whose error may be "
        "below 1 come back exactly.",
        when=[("Target", "max-error")],
        advanced=False,
    ),
    _number(
        "Parameter Ratio",
        100,
        "Values of the array / numbers of the network that are not zero, at least.",
        when=[("Target", "parameter-ratio")],
        advanced=False,
    ),
)

_EFFORT = _group(
    "Effort",
    _choice(
        "Preset",
        "balanced",
        "fast balanced best",
        "How much work, where neither passes nor seconds are given: fast, balanced, best. Of an fv-SRN by rate, "
        "fast trains no filter and needs no torch, best trains it four times as long as balanced. Of a trained "
        "network: a quarter of the passes, and four times as many.",
        advanced=False,
    ),
    _number(
        "Time Limit",
        600,
        "Seconds for all of it, not training alone: when they are over, the best so far becomes the file, and the "
        "report says so. What a target needs is not cut short. 0: no limit.",
        advanced=False,
    ),
)

_TRAINING = _group(
    "Training",
    _number(
        "Training Seconds",
        0,
        "The training alone ends after this time at the latest, and may use all of it; 0: no limit but the Time "
        "Limit. Of an fv-SRN pruned by rate only a filter is trained, and that where it pays; with network auto "
        "each of the two networks may take this long.",
    ),
    _number(
        "Training Passes",
        -1,
        "The training ends after so many passes over the volume at the latest; -1: automatic (fvsrn by rate: 5 to "
        "100 by the volume's size; trained: 75 of fvsrn, 100 of neurcomp, more for small volumes; each times what "
        "the preset says; where Training Seconds is given, what these allow, of a trained network up to four "
        "times as many). 0: no training, which only fvsrn by rate can do without: it then has no filter.",
        -1,
    ),
    _choice(
        "Device",
        "auto",
        "auto cpu cuda",
        "Where the next training runs: auto, cpu, cuda. Changing it does not train again.",
    ),
    """<StringVectorProperty name="StartFile" label="Start File" command="SetStartFile" number_of_elements="1"
    default_values="" panel_visibility="advanced">
  <FileListDomain name="files" />
  <Hints><FileChooser extensions="srn" file_description="Neural files" /></Hints>
  <Documentation>A .srn file whose network the training starts from, say that of the time step before. Its sizes
  then count, not the target's. Network, proportions of the volume and number of components must be the same.
  Not for fvsrn by rate.</Documentation>
</StringVectorProperty>""",
    _whole("Batch", 32768, 1, 1 << 24, "Samples per step, at most; a small volume is given at least 16 steps a pass."),
    _choice(
        "Sampler",
        "lattice",
        "lattice random",
        "lattice: voxels where random planes meet, whose truth is exact; random: independent positions, trilinear "
        "truth. Of meshes it is their own samples, in random order, either way.",
    ),
    _number("Prune Share", 2 / 3, "Share of the run that trains with the pruner; the rest fine-tunes.", high=1),
    _number("Fine Tune Rate", 0.5, "Step size that fine-tuning starts with, as a share of the first one.", high=1),
    _choice(
        "Decay",
        "cosine",
        "cosine passes plateau",
        "How the step size falls within a phase: cosine, half a wave; passes, by a factor every so many passes; "
        "plateau, by it when the error no longer falls.",
    ),
    _number(
        "Final Rate",
        0.02,
        "Step size at the end of a phase, as a share of its start; the other decays never go below it.",
        high=1,
    ),
    _number("Decay Factor", 0.5, "What one step of the decay leaves of the step size.", high=1, when=_STEPS),
    _number("Decay Passes", 10, "Passes between two such steps; for plateau without progress.", when=_STEPS),
)

_NETWORK = _group(
    "Network",
    _choice(
        "Network",
        "fvsrn",
        "auto fvsrn neurcomp",
        "fvsrn: a latent grid and a small network; pruned by rate the best choice nearly always. neurcomp: one "
        "larger network (a residual SIREN), for smooth fields and patient users; best with the pruner none. auto: "
        "an fv-SRN by rate and, where the target is a size, a Neurcomp without pruner; the better one is kept.",
        advanced=False,
    ),
    _number(
        "Rate Price",
        0.1,
        "What a bit is worth, in squared steps of the quantiser; larger: fewer coefficients, and the finer step that "
        "then fills the file.",
        high=10,
        when=_BY_RATE,
    ),
    _whole(
        "Filter Channels",
        0,
        0,
        256,
        "Channels of the filter's hidden layer, 55 bytes each; 0: automatic, 4 to 32 by the bytes of the file, none "
        "below 4000.",
        when=_BY_RATE,
    ),
    _whole(
        "Features",
        0,
        0,
        256,
        "Latent features per grid vertex; 0: automatic, 8, or 1 on the finer grid that a pruner starts with.",
        when=_FVSRN,
        advanced=False,
    ),
    _choice(
        "Wavelet",
        "bior4.4",
        "bior4.4 bior2.2 bior6.8 db2 db4 haar sym4 sym8 coif2 none",
        "Wavelet whose coefficients the grid is kept as; none: a plain grid. Any discrete one of PyWavelets by "
        "More Settings.",
        when=_FVSRN,
        advanced=False,
    ),
    _whole(
        "Wavelet Levels",
        3,
        0,
        10,
        "How often the grid is split, 0 to 10; axes that become shorter than 4 are split no further.",
        when=_FVSRN,
        advanced=False,
    ),
    _property(
        "Int",
        "Latent Grid",
        "0 0 0",
        "Latent samples along x, y, z; 0 0 0: automatic, from the target and the volume's proportions.",
        '<IntRangeDomain name="range" min="0 0 0" max="1024 1024 1024" />',
        when=_FVSRN,
        count=3,
    ),
    _whole("Predictor Layers", 3, 1, 32, "Hidden layers of the small network.", when=_FVSRN),
    _whole("Predictor Width", 0, 0, 1024, "Neurons of each; 0: automatic, 16 to 32 by the target.", when=_FVSRN),
    _whole("Fourier Frequencies", 4, 0, 24, "Fourier frequencies of the position; 0: the plain position.", when=_FVSRN),
    _number("Fvsrn Learning Rate", 0.02, "The optimiser's first step size.", when=_FVSRN),
    _whole(
        "Blocks",
        4,
        1,
        64,
        "Residual blocks, or hidden sine layers where Residual is off.",
        when=_NEURCOMP,
        advanced=False,
    ),
    _whole(
        "Width",
        0,
        0,
        4096,
        "Neurons of each layer; 0: automatic, by target and depth.",
        when=_NEURCOMP,
        advanced=False,
    ),
    _flag("Residual", 1, "Residual blocks, or a plain stack of sine layers.", when=_NEURCOMP, advanced=False),
    _number(
        "Gradient Weight",
        0,
        "Weight of the error of the field's spatial derivatives; 0: not asked for. A step then takes about four "
        "times as long.",
        when=_NEURCOMP,
        advanced=False,
    ),
    _number("Omega", 30, "Frequency scale of every sine layer.", when=_NEURCOMP),
    _number("Neurcomp Learning Rate", 0.001, "The optimiser's first step size.", when=_NEURCOMP),
)

_PRUNER = _group(
    "Pruner",
    _choice(
        "Pruner",
        "rate",
        _PRUNERS,
        "What finds the parameters that the field does not need. rate: what is not worth its bits goes; an fv-SRN "
        "needs no training for it, and can keep to a PSNR. mask: on-off masks. smallify: switches that change "
        "sign where nothing is lost. variational: noise that grows where nothing is lost; static has one error "
        "scale for the whole volume, dynamic learns one for each place. none: nothing is removed.",
        when=[_ONE_NETWORK],
        advanced=False,
    ),
    _number(
        "Mask Lambda",
        -1,
        "Weight of the sum of the soft masks; larger prunes more. -1: automatic, by network and ratio.",
        -1,
        when=_MASK,
        advanced=False,
    ),
    _number(
        "Mask Weight Lambda", -1, "Weight of the norm of the weights behind the mask. -1: automatic.", -1, when=_MASK
    ),
    _whole("Mask Weight Norm", 2, 1, 2, "P of that norm, the sum of p-th powers: 1 or 2.", when=_MASK),
    _number("Mask Initial", 0.9, "Soft mask that every entry starts with.", high=1, when=_MASK),
    _number(
        "Mask Threshold",
        0.5,
        "An entry whose soft mask is below 1 - threshold is off.",
        high=1,
        when=_MASK,
        advanced=False,
    ),
    _number(
        "Smallify Lambda",
        -1,
        "Weight of the sum of the switches; larger prunes more. -1: automatic, by network and ratio.",
        -1,
        when=_SMALLIFY,
        advanced=False,
    ),
    _number(
        "Smallify Weight Lambda",
        -1,
        "Weight of the norm of the weights behind the switches. -1: automatic.",
        -1,
        when=_SMALLIFY,
    ),
    _whole("Smallify Weight Norm", 2, 1, 2, "P of that norm: 1 or 2.", when=_SMALLIFY),
    _number(
        "Smallify Momentum",
        0.02,
        "Share of a new observation in the sign's moving mean and variance.",
        high=1,
        when=_SMALLIFY,
    ),
    _choice(
        "Smallify Initial",
        "normal",
        "normal one",
        "How switches start: normal, drawn from N(0, 1), or one, open.",
        when=_SMALLIFY,
    ),
    _number(
        "Smallify Threshold",
        0.5,
        "A switch whose sign variance is above this is pruned; that of a fair coin is 1.",
        when=_SMALLIFY,
        advanced=False,
    ),
    _number(
        "Variational Psigma",
        0,
        "Standard deviation of the error that is thought harmless, of values from -1 to 1; larger prunes more. 0: "
        "automatic, by network and ratio.",
        when=_STATIC,
        advanced=False,
    ),
    _number(
        "Variational Threshold",
        0.9,
        "Entries with a drop rate above this are pruned.",
        high=1,
        when=_VARIATIONAL,
        advanced=False,
    ),
    _number("Variational Initial Drop Rate", 0.05, "Drop rate that the noise starts from.", high=1, when=_VARIATIONAL),
    _number(
        "Variational KL Weight",
        -1,
        "Largest weight of the divergence from the prior; larger prunes more, 1 is the variational bound. -1: "
        "automatic, 1 for fvsrn, values / neurons for neurcomp.",
        -1,
        when=_VARIATIONAL,
        advanced=False,
    ),
    _number("Variational KL Ramp", 2, "That weight is reached after 1 / ramp of the pruning phase.", when=_VARIATIONAL),
    _number("Variational Weight Lambda", 0, "Weight of the norm of the weights behind the gates.", when=_VARIATIONAL),
    _whole("Variational Weight Norm", 2, 1, 2, "P of that norm: 1 or 2.", when=_VARIATIONAL),
    _number(
        "Variational Entropy Lambda",
        0,
        "Weight of the entropy of the drop rates, which drives them to 0 or 1.",
        when=_VARIATIONAL,
    ),
    _whole(
        "Variational Sigma Layers",
        2,
        1,
        8,
        "Hidden layers of the second network, which learns the harmless error of each place and is never stored.",
        when=_DYNAMIC,
    ),
    _whole("Variational Sigma Width", 16, 1, 256, "Neurons of each of them.", when=_DYNAMIC),
    _flag(
        "Variational Local Reparameterisation",
        0,
        "Draw the noise behind the next linear map, for each sample its own: less gradient noise for more work.",
        when=_VARIATIONAL,
    ),
    _whole(
        "Variational Reflections",
        0,
        0,
        16,
        "Householder reflections that correlate the noise of a layer; 0: independent noise.",
        when=_VARIATIONAL,
    ),
    _choice(
        "Pruning Thresholds",
        "searched",
        "searched layerwise fixed",
        "searched: what is least needed goes until the file fits, over all layers alike; layerwise: a threshold "
        "for each layer, searched for the least error at that size; fixed: the pruner's own threshold, or the "
        "next property, and only what is then still too large is cut further.",
        when=_PRUNING,
        advanced=False,
    ),
    _property(
        "String",
        "Layer Thresholds",
        "",
        "Drop rates above which is pruned, one for each layer or wavelet level in order, as in 0.9 0.8 0.5; "
        "empty: the pruner's own threshold.",
        when=[*_PRUNING, ("PruningThresholds", "fixed")],
        advanced=False,
    ),
    _number(
        "Pruner Learning Rate", 0.02, "The optimiser's first step size for the pruner's own numbers.", when=_PRUNING
    ),
    _number(
        "Oversize",
        0,
        "Entries that a network starts with, for one that the file can hold; 0: automatic.",
        when=_PRUNING,
    ),
)

_STORAGE = _group(
    "Storage",
    _whole(
        "Grid Bits",
        0,
        0,
        16,
        "Bits of each stored number of the latent grid, at most, 1 to 16; 0: as many as fill the file.",
    ),
    _whole("Weight Bits", 0, 0, 16, "Bits of each stored weight, at most, 1 to 16; 0: as many as fill the file."),
    _choice("Quantiser", "uniform", "uniform kmeans", "uniform: equal steps; kmeans: a codebook for each array."),
    _number("Quantiser Passes", 0, "Passes in which steps or codebooks are trained once the codes are fixed."),
)

_BRICKS = _group(
    "Bricks",
    _whole(
        "Brick Edge",
        -1,
        -1,
        65536,
        "An image is cut into bricks of at most so many samples along each axis, which are asked of the source and "
        "compressed one by one, and blended when they are decoded. -1: 256 for images of more than 2^27 samples; 0: "
        "never.",
    ),
    _whole(
        "Brick Halo",
        4,
        1,
        64,
        "Samples that a brick reaches beyond where it is cut; over twice as many it is blended with its neighbour.",
    ),
)

# A whole number of 32 bits: for an IdTypeVectorProperty ParaView makes no widget.
_SEED = _property(
    "Int",
    "Seed",
    0,
    "Of all random numbers; same data, settings, seed and machine give the same file.",
    '<IntRangeDomain name="range" min="0" />',
)

_PREDICTOR = _property(
    "String",
    "Predictor",
    "auto",
    "Where settings that are left open and the first guess at a size come from: auto, your own predictor (srn "
    "search-fit) or else the shipped one; shipped; none; or the path of a predictor.",
)

_DECODER = _group(
    "Decoder",
    _choice(
        "Provider",
        "auto",
        "auto cpu cuda tensorrt dml coreml openvino",
        "What ONNX Runtime decodes on; auto: the best that is there. The CPU is always there.",
    ),
    _whole("Threads", 0, 0, 1024, "CPU threads that decode; 0: automatic, or what SRN_THREADS says."),
)


def _more_arrays(of):
    """The list of the point (cell) arrays that go into the same file."""
    says = " beside Array" if of == "Point" else ", likewise"
    return f"""
<StringVectorProperty name="More{of}Arrays" label="More {of} Arrays" command="Add{of}Array"
    clean_command="Clear{of}Arrays" number_of_elements="0" number_of_elements_per_command="1" repeat_command="1"
    animateable="0" panel_visibility="advanced">
  <ArrayListDomain name="array_list" input_domain_name="{of.lower()}_arrays">
    <RequiredProperties><Property name="Input" function="Input" /></RequiredProperties>
  </ArrayListDomain>
  <Hints><NoDefault /></Hints>
  <Documentation>{of} arrays that go into the same file{says}.</Documentation>
</StringVectorProperty>
"""


_COMPONENTS = _choice(
    "Components",
    "jointly",
    "jointly separately",
    "Vectors and tensors: jointly, one network for all components; separately, each component as an array of "
    "its own, as in velocity_X, which is how it comes back.",
)

_GEOMETRY = _choice(
    "Geometry",
    "keep",
    "keep drop",
    "Points of rectilinear and structured grids, and meshes (unstructured grids, surfaces, point clouds): keep, "
    "exactly, in the file; where no target is chosen, on top of its size. A size that is chosen counts them in, but a "
    "ratio does not count meshes. drop, the field comes back as an image, in index space or of the mesh's box.",
)

_ESTIMATE = """
<StringVectorProperty name="EstimatedSize" label="Estimated Size" command="GetEstimatedSize" information_only="1"
    number_of_elements="1" panel_visibility="default">
  <Documentation>Of the file, about, before Apply: from the input's bytes and the target; for a PSNR or a largest error
  from the middle of the volume; of a mesh from a part of it.</Documentation>
</StringVectorProperty>
<StringVectorProperty name="EstimatedTime" label="Estimated Time" command="GetEstimatedTime" information_only="1"
    number_of_elements="1" panel_visibility="default">
  <Documentation>On this machine's CPU, about, before Apply: from the input and the settings, a short probe of the
  machine, and how long jobs took in this session.</Documentation>
</StringVectorProperty>
"""

_STEPS_OF_TIME = _choice(
    "Time Steps",
    "current",
    "current all",
    "Which time steps go into the file. current: the one that is shown; each that you go to is compressed when it is "
    "first shown. all: every one of the input, one after the other, one in memory at a time. A ratio or a size, and "
    "Time Limit, are those of all of them; other targets, Training Seconds and Training Passes are those of each.",
    advanced=False,
)

_KEY_EVERY = _whole(
    "Key Every",
    8,
    1,
    64,
    "Of all time steps in one file: at least every so many-th one is a key frame, stored whole; the others are stored "
    "as the difference to the step before, where that takes fewer bytes. A step is decoded from its key frame on. 1: "
    "each is stored whole.",
    when=_BY_RATE,
)

_COMPRESS_PANEL = f"""
<StringVectorProperty name="Array" label="Array" command="SetInputArrayToProcess" number_of_elements="5"
    element_types="0 0 0 0 2" animateable="0">
  <ArrayListDomain name="array_list" attribute_type="Scalars" input_domain_name="input_array">
    <RequiredProperties><Property name="Input" function="Input" /></RequiredProperties>
  </ArrayListDomain>
  <Documentation>The point or cell array: one number or several components per sample; NaNs and blanked samples
  come back as they were.</Documentation>
</StringVectorProperty>
{_more_arrays("Point")}
{_more_arrays("Cell")}
{_COMPONENTS}
{_GEOMETRY}
{_STEPS_OF_TIME}
{_KEY_EVERY}
{_TARGET}
{_EFFORT}
{_ESTIMATE}
{_NETWORK}
{_PRUNER}
{_TRAINING}
{_STORAGE}
{_BRICKS}
{_DECODER}
{_SEED}
{_PREDICTOR}
<StringVectorProperty name="MoreSettings" label="More Settings" command="SetMoreSettings" number_of_elements="1"
    default_values="" panel_visibility="advanced">
  <Documentation>Any setting by its dotted name, as in target.bytes=20000 neurcomp.blocks=6. They win over the
  panel.</Documentation>
</StringVectorProperty>
<Property name="TrainAgain" label="Train Again" command="TrainAgain" panel_widget="command_button"
    panel_visibility="advanced">
  <Documentation>Forget what was trained; the next Apply trains anew.</Documentation>
</Property>
<StringVectorProperty name="Report" label="Report" command="GetReport" information_only="1" number_of_elements="1"
    panel_visibility="default">
  <Hints><Widget type="multi_line" /></Hints>
  <Documentation>Size, ratio, PSNR, SSIM, errors, what the pruner left, times; or why it failed. In scripts:
  GetPropertyValue("Report").</Documentation>
</StringVectorProperty>

<OutputPort name="Reconstruction" index="0" id="port0" />
<OutputPort name="Training History" index="1" id="port1" />
<OutputPort name="Drop Rates" index="2" id="port2" />
"""

_COARSE_FIRST = _flag(
    "Coarse First",
    0,
    "Of more than two million samples decode few at first, and all when the window is idle. What is saved or measured "
    "in between is coarse. In scripts, and where a server decodes, this does nothing.",
)

_GRADIENT = _flag(
    "Gradient",
    0,
    "Add the gradient of each array, exact for the network: per unit of length, along the world's axes; of several "
    "components one after the other.",
    advanced=False,
)

_DETAIL = (
    _whole(
        "Level Of Detail",
        0,
        0,
        6,
        "0: all. Each level more halves the samples along each axis. Files pruned by rate then decode their coarse "
        "part alone, which is fast.",
        advanced=False,
    )
    + _COARSE_FIRST
    + _GRADIENT
)

_FINENESS = """
<StringVectorProperty name="Sampling" label="Sampling" command="SetSampling" number_of_elements="1"
    default_values="Scale">
  <StringListDomain name="modes"><String value="Scale" /><String value="Dims" /><String value="Spacing" />
  </StringListDomain>
  <Documentation>How the decoded grid is described: by a multiple of the original's samples, by numbers of samples, or
  by the distance of samples.</Documentation>
</StringVectorProperty>
<DoubleVectorProperty name="Scale" label="Scale" command="SetScale" number_of_elements="1" default_values="1">
  <DoubleRangeDomain name="range" min="0" />
  <Documentation>Samples along each axis, as a multiple of the original ones. 2: eight times the voxels.</Documentation>
  <Hints><PropertyWidgetDecorator type="GenericDecorator" mode="visibility" property="Sampling" value="Scale" /></Hints>
</DoubleVectorProperty>
<IntVectorProperty name="Dims" label="Dims" command="SetDims" number_of_elements="3" default_values="0 0 0">
  <IntRangeDomain name="range" min="0 0 0" />
  <Documentation>Samples along x, y and z; 0: as many as the original has there.</Documentation>
  <Hints><PropertyWidgetDecorator type="GenericDecorator" mode="visibility" property="Sampling" value="Dims" /></Hints>
</IntVectorProperty>
<DoubleVectorProperty name="Spacing" label="Spacing" command="SetSpacing" number_of_elements="3"
    default_values="0 0 0">
  <Documentation>Distance of samples along x, y and z in world units, rounded so that the box is filled evenly; 0: as in
  the original.</Documentation>
  <Hints><PropertyWidgetDecorator type="GenericDecorator" mode="visibility" property="Sampling" value="Spacing" />
  </Hints>
</DoubleVectorProperty>
<IntVectorProperty name="WholeVolume" label="Whole Volume" command="SetWholeVolume" number_of_elements="1"
    default_values="1">
  <BooleanDomain name="bool" />
  <Documentation>Decode all of the volume, or the region alone.</Documentation>
</IntVectorProperty>
<IntVectorProperty name="Region" label="Region" command="SetRegion" number_of_elements="6"
    default_values="0 0 0 0 0 0">
  <Documentation>First and last index along x, y and z of the original samples, both included: the rest is never
  decoded.</Documentation>
  <Hints><PropertyWidgetDecorator type="GenericDecorator" mode="visibility" property="WholeVolume" value="0" /></Hints>
</IntVectorProperty>
"""

_FILE_NAME = """
<StringVectorProperty name="FileName" label="File Name" command="SetFileName" number_of_elements="1"
    animateable="0" panel_visibility="default">
  <FileListDomain name="files" />
  <Hints><FileChooser extensions="srn" file_description="Neural files" /></Hints>
  <Documentation>The .srn file to decode.</Documentation>
</StringVectorProperty>
"""

_TARGET_NAME = """
<StringVectorProperty name="FileName" label="File Name" command="SetFileName" number_of_elements="1"
    panel_visibility="never" />
"""

_TIME_STEPS = """
<DoubleVectorProperty name="TimestepValues" information_only="1" repeatable="1" si_class="vtkSITimeStepsProperty">
  <TimeStepsInformationHelper />
</DoubleVectorProperty>
"""

_READER_PANEL = (
    """
<StringVectorProperty name="FileNames" label="File Names" command="AddFileName" clean_command="ClearFileNames"
    number_of_elements="0" number_of_elements_per_command="1" repeat_command="1" animateable="0"
    panel_visibility="never">
  <FileListDomain name="files" />
  <Documentation>The .srn file, or one for each time step.</Documentation>
</StringVectorProperty>
<StringVectorProperty name="ArraysInfo" command="GetArraySelection" number_of_elements_per_command="2"
    information_only="1" si_class="vtkSIDataArraySelectionProperty" />
<StringVectorProperty name="Arrays" label="Arrays" information_property="ArraysInfo" command="GetArraySelection"
    number_of_elements_per_command="2" element_types="2 0" repeat_command="1"
    si_class="vtkSIDataArraySelectionProperty">
  <ArraySelectionDomain name="array_list">
    <RequiredProperties><Property function="ArrayList" name="ArraysInfo" /></RequiredProperties>
  </ArraySelectionDomain>
  <Documentation>Which arrays of the file are decoded.</Documentation>
</StringVectorProperty>
<DoubleVectorProperty name="Scale" label="Scale" command="SetScale" number_of_elements="1" default_values="1">
  <DoubleRangeDomain name="range" min="0" />
  <Documentation>Samples along each axis, as a multiple of the original ones; 1 is the original grid.</Documentation>
</DoubleVectorProperty>
"""
    + _DETAIL
    + _DECODER
    + _TIME_STEPS
)

_SAMPLE_PANEL = (
    _choice(
        "At",
        "Points",
        "Points Cells",
        "Sample at the points, or in the middles of the cells, of Points.",
        advanced=False,
    )
    + _choice(
        "Outside",
        "NaN",
        "NaN Clamp Mask",
        "What lies outside of the volume: NaN; Clamp: the value of the nearest point of its box; Mask: 0, as Resample "
        "With Dataset has it. The array vtkValidPointMask (vtkValidCellMask) is 0 for NaN and Mask.",
        advanced=False,
    )
    + _GRADIENT
    + _flag("Pass Arrays", 1, "Keep the arrays of Points.")
    + _flag(
        "Mark Blank Points And Cells",
        0,
        "Hide points that have no value, and cells that have such a point, by a ghost array.",
    )
)

_CONTOUR_PANEL = (
    """
<StringVectorProperty name="ContourBy" label="Contour By" command="SetInputArrayToProcess" number_of_elements="5"
    element_types="0 0 0 0 2" animateable="0">
  <ArrayListDomain name="array_list" attribute_type="Scalars" input_domain_name="input_array">
    <RequiredProperties><Property name="Input" function="Input" /></RequiredProperties>
  </ArrayListDomain>
  <Documentation>The array of the neural file whose isosurfaces are wanted.</Documentation>
</StringVectorProperty>
<DoubleVectorProperty name="Isosurfaces" label="Isosurfaces" command="AddIsosurface" clean_command="ClearIsosurfaces"
    number_of_elements="0" number_of_elements_per_command="1" repeat_command="1" animateable="1">
  <ArrayRangeDomain name="scalar_range">
    <RequiredProperties>
      <Property name="Input" function="Input" />
      <Property name="ContourBy" function="ArraySelection" />
    </RequiredProperties>
  </ArrayRangeDomain>
  <Documentation>The values whose surfaces are made.</Documentation>
</DoubleVectorProperty>
"""
    + _whole("Component", 0, 0, 4095, "Which component of an array of several, counted from 0.")
    + _flag("Compute Normals", 1, "Normals at the points, from the gradient of the network.", advanced=False)
    + _flag("Compute Scalars", 0, "An array that tells at each point whose surface it lies on.", advanced=False)
    + _FINENESS
    + _flag(
        "Exhaustive",
        0,
        "Decode every block of the grid. Of the default compression nothing is missed without it. Networks with a "
        "predictor, and Neurcomp, are searched in steps of 4 samples: an island smaller than that may be missed.",
    )
    + _DECODER
    + _TIME_STEPS
)

_EVALUATE_PANEL = f"""
<StringVectorProperty name="Array" label="Array" command="SetInputArrayToProcess" number_of_elements="5"
    element_types="0 0 0 0 2" animateable="0">
  <ArrayListDomain name="array_list" attribute_type="Scalars" input_domain_name="input_array">
    <RequiredProperties><Property name="Original" function="Input" /></RequiredProperties>
  </ArrayListDomain>
  <Documentation>The point or cell array of the original that is compared.</Documentation>
</StringVectorProperty>
{
    _property(
        "String",
        "Bound",
        "1%",
        "Errors above this are marked and counted: a number in the array's units, or a percentage of its value range. "
        "Empty: none are.",
        advanced=False,
    )
}
{_whole("Bins", 64, 1, 100000, "Bins of the histogram of the errors.", advanced=False)}
{
    _choice(
        "Compared",
        "auto",
        "auto array neural-file",
        "What is compared with the original. auto: the array of Compared With where it lies on the same places, else "
        "the neural file, else the array interpolated. array: the array always. neural-file: what the file gives back "
        "at the original's places, always.",
    )
}
{_property("String", "Compared Array", "", "Its name in what is compared; empty: the same as the original's.")}
{_DECODER}
<StringVectorProperty name="Report" label="Report" command="GetReport" information_only="1" number_of_elements="1"
    panel_visibility="default">
  <Hints><Widget type="multi_line" /></Hints>
  <Documentation>The figures: PSNR, SSIM, errors, where the largest one is.</Documentation>
</StringVectorProperty>

<OutputPort name="Errors" index="0" id="port0" />
<OutputPort name="Figures" index="1" id="port1" />
<OutputPort name="Error Histogram" index="2" id="port2" />
<OutputPort name="Training History" index="3" id="port3" />
"""


@smproxy.filter(name="NeuralCompress", label="Neural Compress", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_COMPRESS_PANEL)
@smproperty.input(name="Input", port_index=0)
@smdomain.xml(
    '<InputArrayDomain name="input_array" attribute_type="any" />'
    '<InputArrayDomain name="point_arrays" attribute_type="point" optional="1" />'
    '<InputArrayDomain name="cell_arrays" attribute_type="cell" optional="1" />'
)
@smdomain.datatype(dataTypes=["vtkImageData", "vtkRectilinearGrid", "vtkStructuredGrid"], composite_data_supported=True)
class NeuralCompress(_algorithm("compress", "NeuralCompress", 1, 3)):
    """Compresses arrays and shows what the small file made of them gives back."""

    def RequestData(self, request, inInfo, outInfo):
        done = super().RequestData(request, inInfo, outInfo)
        _show_report(self)
        return done


@smproxy.filter(name="NeuralResample", label="Neural Resample", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_FINENESS + _DETAIL + _DECODER + _TIME_STEPS)
@smproperty.input(name="Input", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class NeuralResample(_InWindow, _algorithm("decoding", "NeuralResample", 1, 1)):
    """Decodes the neural file that the input carries onto a grid of any fineness."""


@smproxy.source(name="NeuralResampleFile", label="Neural Resample File", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_FILE_NAME + _FINENESS + _DETAIL + _DECODER + _TIME_STEPS)
class NeuralResampleFile(_InWindow, _algorithm("decoding", "NeuralResampleFile", 0, 1)):
    """Decodes a neural file onto a grid of any fineness."""


@smproxy.filter(name="NeuralSample", label="Neural Sample", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_SAMPLE_PANEL + _DECODER)
@smproperty.input(name="Points", label="Points", port_index=1)
@smdomain.datatype(dataTypes=["vtkDataSet"], composite_data_supported=True)
@smproperty.input(name="NeuralFile", label="Neural File", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class NeuralSample(_algorithm("sample", "NeuralSample", 2, 1)):
    """Evaluates the network that one input carries at the points of another."""


@smproxy.filter(name="NeuralContour", label="Neural Contour", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_CONTOUR_PANEL)
@smproperty.input(name="Input", port_index=0)
@smdomain.xml(
    '<InputArrayDomain name="input_array" attribute_type="any" />'
    '<InputArrayDomain name="point_arrays" attribute_type="point" optional="1" />'
    '<InputArrayDomain name="cell_arrays" attribute_type="cell" optional="1" />'
)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class NeuralContour(_algorithm("contour", "NeuralContour", 1, 1)):
    """Isosurfaces of the neural file that the input carries, of any fineness; only what lies about them is decoded."""


@smproxy.filter(name="NeuralEvaluate", label="Neural Evaluate", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_EVALUATE_PANEL)
@smproperty.input(name="ComparedWith", label="Compared With", port_index=1)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
@smdomain.xml("<Hints><Optional /></Hints>")
@smproperty.input(name="Original", label="Original", port_index=0)
@smdomain.xml('<InputArrayDomain name="input_array" attribute_type="any" />')
@smdomain.datatype(dataTypes=["vtkDataSet"], composite_data_supported=True)
class NeuralEvaluate(_algorithm("evaluate", "NeuralEvaluate", 2, 4)):
    """Shows how far what a neural file gives back is from the original: errors, figures, histogram, training."""

    def RequestData(self, request, inInfo, outInfo):
        done = super().RequestData(request, inInfo, outInfo)
        _show_report(self)
        return done


@smproxy.reader(
    name="SRNReader",
    label="SRN Reader",
    extensions="srn",
    file_description="Neural files (SRN for ParaView)",
    support_reload=False,
)
@smproperty.xml(_READER_PANEL)
class SRNReader(_InWindow, _algorithm("reader", "SrnReader", 0, 1)):
    """Opens .srn files."""


@smproxy.writer(
    name="SRNWriter",
    label="SRN Writer",
    extensions="srn",
    file_description="Neural files (SRN for ParaView)",
    support_reload=False,
    supports_parallel="1",
)
@smproperty.xml(
    _TARGET_NAME + '<IntVectorProperty name="WriteTimeSteps" label="Write Time Steps" command="SetWriteTimeSteps" '
    'number_of_elements="1" default_values="0"><BooleanDomain name="bool" /><Documentation>A file for each time step '
    "of the input, run_0000.srn, run_0001.srn and so on for the name run.srn, instead of one file with what the input "
    "carries. They open together as one source with time steps.</Documentation></IntVectorProperty>"
)
@smproperty.input(name="Input", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class SRNWriter(_algorithm("writers", "SrnWriter", 1, 0)):
    """Writes the neural file that the input carries."""


@smproxy.writer(
    name="ONNXWriter",
    label="ONNX Writer",
    extensions="onnx",
    file_description="ONNX models (SRN for ParaView)",
    support_reload=False,
    supports_parallel="1",
)
@smproperty.xml(
    _TARGET_NAME
    + '<StringVectorProperty name="Array" label="Array" command="SetArray" number_of_elements="1" default_values="">'
    "<Documentation>Name of the array to export; empty: the first one.</Documentation></StringVectorProperty>"
)
@smproperty.input(name="Input", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class ONNXWriter(_algorithm("writers", "OnnxWriter", 1, 0)):
    """Writes the network that the input carries as an ONNX model."""
