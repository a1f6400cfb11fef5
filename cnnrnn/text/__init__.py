"""Words: tokenizer, vocabulary, the LSTM decoder and text metrics."""
