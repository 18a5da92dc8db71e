"""What the training page's words mean, offered where they occur."""

import streamlit as st

TERMS = {
    "accuracy": "The share of points that lie close enough to the truth. This project measures it as PCK.",
    "activation": "A simple function after a layer that bends straight lines; ReLU turns negative numbers into 0, a leaky one "
    "into a tenth. Without it, many layers together could do no more than one.",
    "batch": "The pictures that the network learns from in one step.",
    "channel": "One of the planes of a picture (red, green, blue) or of a layer's output (one per feature).",
    "convolution": "A small window of weights that slides over a picture and answers wherever its pattern occurs.",
    "crop": "The square that is cut out of the photo around one hand or face and turned upright.",
    "epoch": "One round of training; after each the network is measured on pictures that it never learns from.",
    "feature map": "What one convolution answers everywhere in the picture, as a picture of its own: bright where its pattern is.",
    "fully connected": "A layer in which every output is a weighted sum of all inputs.",
    "heat map": "A picture of where something is: here, how likely a point is at each place.",
    "kernel": "The window of a convolution, for example 3 × 3 cells.",
    "landmark": "A named point of a hand or face, such as the tip of the thumb.",
    "learning rate": "How far the weights move in each step.",
    "loss": "One number for how wrong the network is; training changes the weights so that it falls.",
    "MCP, PIP, DIP, IP": "The joints of a finger from its base to its tip: knuckle (MCP), middle joint (PIP), last joint (DIP); a thumb has a CMC, "
    "an MCP and one IP joint.",
    "MAC": "A multiplication with the addition that follows it: the unit in which a network's work is counted.",
    "NME": "Normalised mean error: the mean distance between predicted and true points, divided by the size of the hand "
    "(longer side of its box) or face (distance of the outer eye corners), so that near and far ones count alike.",
    "normalisation": "Bringing numbers to a common scale, such as 0–255 to 0.0–1.0.",
    "parameter": "A number inside the network that training finds.",
    "PCK": "Percentage of correct keypoints: a point is correct if its error, divided by the hand's or face's size, is below a threshold.",
    "regression": "Predicting numbers (here coordinates) rather than choosing among classes.",
    "sigma": "How far off the network expects a point to be. It is learned together with the point.",
    "stride": "How many cells a convolution's window moves at a time; with 2 the output is half as wide.",
    "validation": "Measuring on pictures that were kept out of training, to see what was learned and not memorised.",
}


def explain(*terms: str) -> None:
    """A button that opens the meanings of these terms."""
    with st.popover("Terms", icon=":material/menu_book:"):
        _list(terms)


def show_glossary() -> None:
    """All terms."""
    with st.expander("Glossary", icon=":material/menu_book:"):
        _list(TERMS)


def _list(terms) -> None:
    st.markdown("\n\n".join(f"**{term}**: {TERMS[term]}" for term in sorted(terms, key=str.lower)))
