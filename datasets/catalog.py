"""The data sets by name: what is known of each before it is read."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is read.

    Attributes:
        builder: module and class of its builder, `module:Class`.
        tokenizer: name of the tokenizer that suits it.
        needs_input: whether the user gives the files by `--input`.
        description: one line.
        homepage: where it comes from; empty where that is for the user to say.
        license: one line.
        citation: BibTeX.
        configs: names of its variants, the first of which is meant where none is
            named.
        pitch_range: lowest and highest MIDI pitch of its instrument, within which
            music is transposed; None where any pitch will do.
        is_drums: whether its pitches are drums, which can't be transposed.
        checksums: SHA-256 of files as they are published, by their names.
    """

    builder: str
    tokenizer: str
    needs_input: bool
    description: str
    homepage: str
    license: str
    citation: str
    configs: tuple[str, ...] = ()
    pitch_range: tuple[int, int] | None = None
    is_drums: bool = False
    checksums: dict[str, str] = dataclasses.field(default_factory=dict)


DATASETS = {
    "bach_chorales": Dataset(
        builder="tfmusic.datasets.bach_chorales:BachChorales",
        tokenizer="chorale",
        needs_input=False,
        description="The four-part Bach chorales of music21's corpus.",
        homepage="https://github.com/cuthbertLab/music21",
        license="Music: public domain. Files: distributed in music21's corpus with "
        "the permission of their encoders.",
        citation="""@inproceedings{cuthbert2010music21,
  title = {music21: A Toolkit for Computer-Aided Musicology and Symbolic Music Data},
  author = {Cuthbert, Michael Scott and Ariza, Christopher},
  booktitle = {Proceedings of the 11th International Society for Music Information
    Retrieval Conference},
  year = {2010},
}""",
    ),
    "jsb_chorales": Dataset(
        builder="tfmusic.datasets.jsb_chorales:JsbChorales",
        tokenizer="chorale",
        needs_input=True,
        description="JSB Chorales: 382 Bach chorales on the grid of 16ths.",
        homepage="https://github.com/czhuang/JSB-Chorales-dataset",
        license="Music: public domain. File: its encoder states no license.",
        checksums={
            "Jsb16thSeparated.json": "79294cc374f9252e95ef4b703161524c"
            "1c53dc1f712c236f00f1c1f5d54af5a7",
            "Jsb16thSeparated.npz": "2adcdf0d57880c3763f104555072285f"
            "e7f9e3d6049fcc4b9830557b8d4a7820",
        },
        citation="""@inproceedings{boulanger2012modeling,
  title = {Modeling Temporal Dependencies in High-Dimensional Sequences: Application to
    Polyphonic Music Generation and Transcription},
  author = {Boulanger-Lewandowski, Nicolas and Bengio, Yoshua and Vincent, Pascal},
  booktitle = {Proceedings of the 29th International Conference on Machine Learning},
  year = {2012},
}""",
    ),
    "maestro": Dataset(
        builder="tfmusic.datasets.maestro:Maestro",
        tokenizer="performance",
        needs_input=True,
        description="MAESTRO: 1,276 piano performances of a competition, with pedal.",
        homepage="https://magenta.tensorflow.org/datasets/maestro",
        checksums={
            "maestro-v1.0.0.csv": "c4fc572c56ef4bf5f10137d9c889fb0c"
            "ce703bbcecf5bbee0bbd719e0cef113c",
            "maestro-v2.0.0.csv": "b29131ce89a49df044c54974d11d9977"
            "dc7bc53d35aeb39b4d3747f59a34092d",
            "maestro-v3.0.0.csv": "cb88a64a12971a995dd41852aa3a3387"
            "9501cf70d01b9a6feb637f4ad8d8ddff",
        },
        license="CC BY-NC-SA 4.0, so not for commercial use; say so of weights that "
        "were trained on it.",
        citation="""@inproceedings{hawthorne2018enabling,
  title = {Enabling Factorized Piano Music Modeling and Generation with the {MAESTRO}
    Dataset},
  author = {Hawthorne, Curtis and Stasyuk, Andriy and Roberts, Adam and Simon, Ian and
    Huang, Cheng-Zhi Anna and Dieleman, Sander and Elsen, Erich and Engel, Jesse and
    Eck, Douglas},
  booktitle = {International Conference on Learning Representations},
  year = {2019},
}""",
        configs=("v3.0.0", "v2.0.0", "v1.0.0"),
        pitch_range=(21, 108),
    ),
    "pop909": Dataset(
        builder="tfmusic.datasets.pop909:Pop909",
        tokenizer="remi",
        needs_input=True,
        description="POP909: 909 pop songs as melody, bridge and piano.",
        homepage="https://github.com/music-x-lab/POP909-Dataset",
        license="Files: MIT. Songs: their authors'.",
        citation="""@inproceedings{wang2020pop909,
  title = {{POP909}: A Pop-song Dataset for Music Arrangement Generation},
  author = {Wang, Ziyu and Chen, Ke and Jiang, Junyan and Zhang, Yiyi and Xu, Maoran
    and Dai, Shuqi and Bin, Guxian and Xia, Gus},
  booktitle = {Proceedings of the 21st International Society for Music Information
    Retrieval Conference},
  year = {2020},
}""",
        pitch_range=(21, 108),
    ),
    "groove": Dataset(
        builder="tfmusic.datasets.groove:Groove",
        tokenizer="multitrack",
        needs_input=True,
        description="Groove MIDI: 1,150 drum performances.",
        homepage="https://magenta.tensorflow.org/datasets/groove",
        license="CC BY 4.0",
        citation="""@inproceedings{gillick2019learning,
  title = {Learning to Groove with Inverse Sequence Transformations},
  author = {Gillick, Jon and Roberts, Adam and Engel, Jesse and Eck, Douglas and
    Bamman, David},
  booktitle = {Proceedings of the 36th International Conference on Machine Learning},
  year = {2019},
}""",
        is_drums=True,
    ),
    "midi_folder": Dataset(
        builder="tfmusic.datasets.midi_folder:MidiFolder",
        tokenizer="performance",
        needs_input=True,
        description="Your own music: the MIDI, MusicXML and ABC files of a folder.",
        homepage="",
        license="That of your files.",
        citation="The files are yours.",
    ),
    "essen": Dataset(
        builder="tfmusic.datasets.essen:Essen",
        tokenizer="melody",
        needs_input=False,
        description="Essen: folk songs of music21's corpus, melodies alone.",
        homepage="https://www.esac-data.org",
        license="Unclear, as many people typed it in; its keepers permit "
        "non-commercial use and distribution with music21.",
        citation="""@book{schaffrath1995essen,
  title = {The Essen Folksong Collection in the Humdrum Kern Format},
  author = {Schaffrath, Helmut},
  editor = {Huron, David},
  publisher = {Center for Computer Assisted Research in the Humanities},
  year = {1995},
}""",
        configs=("all", "erk"),
    ),
}
