"""The families of video classifiers, one file each. A new one is a file and a line here."""

from cnnrnn.video_classify.models.attention import Attention, TopK
from cnnrnn.video_classify.models.c3d import C3d
from cnnrnn.video_classify.models.pooled import Max, Mean, MeanStd
from cnnrnn.video_classify.models.recurrent import BiLstm, Gru, Lstm
from cnnrnn.video_classify.models.vote import LstmVote

MODELS = {
    "lstm": Lstm,
    "bilstm": BiLstm,
    "gru": Gru,
    "lstm-vote": LstmVote,
    "attention": Attention,
    "top-k": TopK,
    "mean": Mean,
    "max": Max,
    "mean-std": MeanStd,
    "c3d": C3d,
}
