"""The families of answering models, one file each. A new one is a file and a line here."""

from cnnrnn.vqa.models.lstm_cnn import LstmCnn
from cnnrnn.vqa.models.question_only import QuestionOnly
from cnnrnn.vqa.models.san import San

MODELS = {"san": San, "lstm-cnn": LstmCnn, "question-only": QuestionOnly}
