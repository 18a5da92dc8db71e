"""One colour per kind of layer, the same in the diagram, the charts and the tables of the training page.

Distinguished by colour-blind people too (after Okabe and Ito), and readable on light and dark ground; never the only sign.
"""

IMAGE, PREPROCESSING, CONVOLUTION, CONNECTED, GEOMETRY = "#8A97A0", "#56B4E9", "#2F86C9", "#E69F00", "#D55E00"

# family of export.graph.layer_table -> colour
FAMILY_COLOURS = {
    "convolution": CONVOLUTION,
    "fully connected": CONNECTED,
    "activation": "#009E73",
    "normalisation": PREPROCESSING,
    "resizing and pooling": "#CC79A7",
    "arithmetic": "#B8A04A",
    "rearranging": IMAGE,
}
HAND, FACE = "#E69F00", "#2F9BD6"
KIND_COLOURS = {"hand": HAND, "face": FACE}
