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


def _show_report(algorithm):
    """Bring the panel's report up to date, where this process has the panel; ParaView itself asks too early."""
    if not vtkSMProxyManager.IsInitialized():
        return
    manager = vtkSMProxyManager.GetProxyManager().GetActiveSessionProxyManager()
    each = vtkSMProxyIterator()
    each.SetSessionProxyManager(manager)
    each.SetModeToOneGroup()
    each.Begin("sources")
    while not each.IsAtEnd():
        if each.GetProxy().GetClientSideObject() is algorithm:
            each.GetProxy().UpdatePropertyInformation(each.GetProxy().GetProperty("Report"))
        each.Next()


# --- panels: plain server-manager XML, in the order in which every version of ParaView then shows them ---

_IN_MENU = '<ShowInMenu category="Neural" />'

_COMPRESS_PANEL = """
<StringVectorProperty name="Array" label="Array" command="SetInputArrayToProcess" number_of_elements="5"
    element_types="0 0 0 0 2" animateable="0">
  <ArrayListDomain name="array_list" attribute_type="Scalars" input_domain_name="input_array">
    <RequiredProperties><Property name="Input" function="Input" /></RequiredProperties>
  </ArrayListDomain>
  <Documentation>The point or cell array to compress: one number or several components per sample.</Documentation>
</StringVectorProperty>

<DoubleVectorProperty name="TargetRatio" label="Target Ratio" command="SetTargetRatio" number_of_elements="1"
    default_values="100">
  <DoubleRangeDomain name="range" min="1" />
  <Documentation>Bytes of the original array / bytes of the file, at least; larger makes a smaller, coarser file.
  The default, 100, does not squeeze a small volume below 4096 bytes; any other number is kept to.</Documentation>
</DoubleVectorProperty>
<DoubleVectorProperty name="TrainingSeconds" label="Training Seconds" command="SetTrainingSeconds"
    number_of_elements="1" default_values="120">
  <DoubleRangeDomain name="range" min="0" />
  <Documentation>Training ends after this time at the latest; 0: no limit. Longer is better.</Documentation>
</DoubleVectorProperty>
<DoubleVectorProperty name="TrainingPasses" label="Training Passes" command="SetTrainingPasses"
    number_of_elements="1" default_values="0">
  <DoubleRangeDomain name="range" min="0" />
  <Documentation>Training ends after so many passes over the volume at the latest; 0: no limit of this kind (75 passes
  of fvsrn, 100 of neurcomp, where there is no time limit either). With seconds too, whichever
  ends first.</Documentation>
</DoubleVectorProperty>
<StringVectorProperty name="Network" label="Network" command="SetNetwork" number_of_elements="1"
    default_values="fvsrn">
  <StringListDomain name="networks"><String value="fvsrn" /><String value="neurcomp" /></StringListDomain>
  <Documentation>fvsrn: a latent grid and a small network, fast on a CPU. neurcomp: one larger network, for smooth
  fields and patient users.</Documentation>
</StringVectorProperty>
<StringVectorProperty name="Pruner" label="Pruner" command="SetPruner" number_of_elements="1"
    default_values="smallify">
  <StringListDomain name="pruners"><String value="none" /><String value="smallify" /></StringListDomain>
  <Documentation>What removes the parameters that the field does not need.</Documentation>
</StringVectorProperty>
<StringVectorProperty name="Device" label="Device" command="SetDevice" number_of_elements="1" default_values="auto">
  <StringListDomain name="devices"><String value="auto" /><String value="cpu" /><String value="cuda" />
  </StringListDomain>
  <Documentation>Where the next training runs; auto takes a CUDA device where there is one. Changing it does not train
  again.</Documentation>
</StringVectorProperty>
<IntVectorProperty name="GridBits" label="Grid Bits" command="SetGridBits" number_of_elements="1" default_values="8"
    panel_visibility="advanced">
  <IntRangeDomain name="range" min="1" max="16" />
  <Documentation>Bits of each stored number of the latent grid.</Documentation>
</IntVectorProperty>
<IntVectorProperty name="WeightBits" label="Weight Bits" command="SetWeightBits" number_of_elements="1"
    default_values="0" panel_visibility="advanced">
  <IntRangeDomain name="range" min="0" max="16" />
  <Documentation>Bits of each stored weight of the network; 0: what suits the network.</Documentation>
</IntVectorProperty>
<StringVectorProperty name="Quantiser" label="Quantiser" command="SetQuantiser" number_of_elements="1"
    default_values="uniform" panel_visibility="advanced">
  <StringListDomain name="quantisers"><String value="uniform" /><String value="kmeans" /></StringListDomain>
  <Documentation>uniform: equal steps. kmeans: a codebook for each array.</Documentation>
</StringVectorProperty>
<IdTypeVectorProperty name="Seed" label="Seed" command="SetSeed" number_of_elements="1" default_values="0"
    panel_visibility="advanced">
  <Documentation>Of all random numbers: same data, settings, seed and machine give the same file.</Documentation>
</IdTypeVectorProperty>
<StringVectorProperty name="MoreSettings" label="More Settings" command="SetMoreSettings" number_of_elements="1"
    default_values="" panel_visibility="advanced">
  <Documentation>Any other setting by its name, as in: fvsrn.features=8 training.batch=16384</Documentation>
</StringVectorProperty>
<Property name="TrainAgain" label="Train Again" command="TrainAgain" panel_widget="command_button"
    panel_visibility="advanced">
  <Documentation>Forget the finished training; the next Apply trains anew.</Documentation>
</Property>
<StringVectorProperty name="Report" label="Report" command="GetReport" information_only="1" number_of_elements="1"
    panel_visibility="default">
  <Hints><Widget type="multi_line" /></Hints>
  <Documentation>What the last training made: size, ratio, errors, time. Or why it failed.</Documentation>
</StringVectorProperty>

<PropertyGroup label="Target"><Property name="TargetRatio" /></PropertyGroup>
<PropertyGroup label="Training">
  <Property name="TrainingSeconds" /><Property name="TrainingPasses" /><Property name="Network" />
  <Property name="Pruner" /><Property name="Device" />
</PropertyGroup>
<OutputPort name="Reconstruction" index="0" id="port0" />
<OutputPort name="Training History" index="1" id="port1" />
"""

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
    + _TIME_STEPS
)

_SAMPLE_PANEL = """
<IntVectorProperty name="Clamp" label="Clamp" command="SetClamp" number_of_elements="1" default_values="0">
  <BooleanDomain name="bool" />
  <Documentation>Points outside of the volume take the value of the nearest point of its box, instead of
  NaN.</Documentation>
</IntVectorProperty>
"""


@smproxy.filter(name="NeuralCompress", label="Neural Compress", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_COMPRESS_PANEL)
@smproperty.input(name="Input", port_index=0)
@smdomain.xml('<InputArrayDomain name="input_array" attribute_type="any" />')
@smdomain.datatype(dataTypes=["vtkImageData"], composite_data_supported=False)
class NeuralCompress(_algorithm("compress", "NeuralCompress", 1, 2)):
    """Trains a network on one array and shows what the small file made of it gives back."""

    def RequestData(self, request, inInfo, outInfo):
        done = super().RequestData(request, inInfo, outInfo)
        _show_report(self)
        return done


@smproxy.filter(name="NeuralResample", label="Neural Resample", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_FINENESS + _TIME_STEPS)
@smproperty.input(name="Input", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class NeuralResample(_algorithm("decoding", "NeuralResample", 1, 1)):
    """Decodes the neural file that the input carries onto a grid of any fineness."""


@smproxy.source(name="NeuralResampleFile", label="Neural Resample File", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_FILE_NAME + _FINENESS + _TIME_STEPS)
class NeuralResampleFile(_algorithm("decoding", "NeuralResampleFile", 0, 1)):
    """Decodes a neural file onto a grid of any fineness."""


@smproxy.filter(name="NeuralSample", label="Neural Sample", support_reload=False)
@smhint.xml(_IN_MENU)
@smproperty.xml(_SAMPLE_PANEL)
@smproperty.input(name="Points", label="Points", port_index=1)
@smdomain.datatype(dataTypes=["vtkDataSet"], composite_data_supported=False)
@smproperty.input(name="NeuralFile", label="Neural File", port_index=0)
@smdomain.datatype(dataTypes=["vtkDataObject"], composite_data_supported=True)
class NeuralSample(_algorithm("sample", "NeuralSample", 2, 1)):
    """Evaluates the network that one input carries at the points of another."""


@smproxy.reader(
    name="SRNReader",
    label="SRN Reader",
    extensions="srn",
    file_description="Neural files (SRN for ParaView)",
    support_reload=False,
)
@smproperty.xml(_READER_PANEL)
class SRNReader(_algorithm("reader", "SrnReader", 0, 1)):
    """Opens .srn files."""


@smproxy.writer(
    name="SRNWriter",
    label="SRN Writer",
    extensions="srn",
    file_description="Neural files (SRN for ParaView)",
    support_reload=False,
    supports_parallel="1",
)
@smproperty.xml(_TARGET_NAME)
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
