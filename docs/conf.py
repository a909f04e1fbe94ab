"""How Sphinx builds the documentation. It needs no network: `python -m sphinx -W -b html docs docs/_build/html`."""

import os
import sys

import matplotlib
import sklearn.experimental.enable_halving_search_cv  # noqa: F401  gallery pages link to what they import

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "_ext"))
from source_lines import SECTIONS

import sknet

matplotlib.use("Agg")

project = "sknet"
author = "The sknet developers"
copyright = "the sknet developers. BSD-3-Clause"
release = version = sknet.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",  # formulas show without a network
    "gallery_pictures",
    "page_contents",
    "parameter_groups",
    "folds",
    "parameter_table",
    "gallery_links",
    "for_readers",
    "figures_and_numbers",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.zip", "gallery/*.md5"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "py:obj"  # `name` links where there is something to link to
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r".*"),  # types in numpydoc's words: "array of shape (n, k)"
    ("py:obj", r".*"),
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "amsmath", "attrs_inline", "html_image"]
myst_heading_anchors = 4

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the docstrings say them in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sknet",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "plot_gallery": "True",
    "matplotlib_animations": False,
    "image_srcset": ["2x"],
    "copyfile_regex": r".*\.csv",
    "subsection_order": [f"../examples/{name}" for name in SECTIONS],
    "default_thumb_file": os.path.join(os.path.dirname(__file__), "_static", "no_picture.png"),
    "image_scrapers": ["gallery_pictures.pictures"],
    "reset_argv": "gallery_globals.no_arguments",
    "write_computation_times": False,
}

smartquotes_action = "De"  # dashes and dots; a quotation mark may belong to code
html_theme = "pydata_sphinx_theme"
html_title = "sknet"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["sknet.css"]
html_search_scorer = os.path.join(os.path.dirname(__file__), "_static", "search_scores.js")
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": f"sknet {release}", "alt_text": "sknet"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
}
ALONE = ["get_started", "install", "howto", "parameters", "faq", "glossary", "references", "about", "changelog"]
html_sidebars = {"index": []} | {page: ["all_pages.html"] for page in ALONE}
